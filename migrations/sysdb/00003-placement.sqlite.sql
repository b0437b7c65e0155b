-- Where the segment's records are kept; empty: there is only one place.
ALTER TABLE segments ADD COLUMN placement TEXT NOT NULL DEFAULT '';
