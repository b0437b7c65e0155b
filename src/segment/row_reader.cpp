#include "segment/row_reader.h"

namespace viridian::segment {
namespace {

Result<documents::TextCursor> cursor_of(const std::shared_ptr<const postings::Source>& source,
                                        uint32_t rows) {
  VIRIDIAN_TRY(auto texts, documents::Texts::open(source));
  if (texts->size() != rows) return source->damaged(0, "it is of another number of rows");
  return documents::TextCursor::open(std::move(texts));
}

}  // namespace

Status BlockedRowReader::enter(uint32_t row) {
  const RowBlock& block = block_of(blocks_, row);
  block_ = nullptr;
  documents_.reset();
  VIRIDIAN_TRY(rows_, cursor_of(block.packed_rows, block.rows));
  block_ = &block;
  return ok_status();
}

Result<std::string_view> BlockedRowReader::document(uint32_t row_of_block) {
  if (!block_->packed_documents) return std::string_view();
  if (!documents_) {
    VIRIDIAN_TRY(documents_, cursor_of(block_->packed_documents, block_->rows));
  }
  return documents_->read(row_of_block);
}

Result<RowView> BlockedRowReader::read(uint32_t row, RowPart part) {
  if (block_ == nullptr || row < block_->first_row || row >= block_->end())
    VIRIDIAN_TRY_VOID(enter(row));
  const uint32_t number = row - block_->first_row;
  VIRIDIAN_TRY(const std::string_view bytes, rows_->read(number));
  std::optional<RowView> view = RowView::parse(std::as_bytes(std::span(bytes)));
  if (!view) return block_->packed_rows->damaged(0, "it has no valid row");
  if (part == RowPart::whole && view->document_is_apart()) {
    VIRIDIAN_TRY(const std::string_view text, document(number));
    view->put_back(text);
  }
  return *view;
}

}  // namespace viridian::segment
