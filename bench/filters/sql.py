"""Filters in Chroma's language as SQL. What SQL has no common words for, a dialect says."""

OPERATORS = {"$eq": "=", "$ne": "<>", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


def literal(value):
    """A value in SQL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


class Dialect:
    """How an engine asks for texts; DuckDB's and LanceDB's way."""

    def in_array(self, key, value):
        """Whether an array has the value."""
        return f"array_has({key}, {literal(value)})"

    def contains(self, text):
        """Whether the document has the text."""
        return f"contains(document, {literal(text)})"

    def matches(self, pattern, _literal):
        """Whether the document matches the regular expression, every match of which has the literal."""
        return f"regexp_like(document, {literal(pattern)})"

    def condition(self, where):
        """A filter on metadata."""
        (key, condition), = where.items()
        if key in ("$and", "$or"):
            return "(" + f" {key[1:]} ".join(self.condition(one) for one in condition) + ")"
        (name, value), = condition.items()
        if name == "$contains":
            return self.in_array(key, value)
        if name == "$in":
            return f"{key} in ({', '.join(map(literal, value))})"
        return f"{key} {OPERATORS[name]} {literal(value)}"

    def predicate(self, request):
        """All that a request asks of a record; None if nothing."""
        parts = [self.condition(request.where)] if request.where else []
        if request.ids is not None:
            parts.append(f"id in ({', '.join(map(literal, request.ids))})")
        if request.where_document:
            (name, value), = request.where_document.items()
            parts.append(self.contains(value) if name == "$contains" else self.matches(value, request.literal))
        return " and ".join(parts) or None
