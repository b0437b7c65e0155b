#include "base/hash.h"

#include <gtest/gtest.h>

namespace viridian {
namespace {

// The values are part of file formats: another hash would make stored ones useless.
TEST(Hash, IsXxh3) {
  EXPECT_EQ(hash64(""), 0x2D06800538D394C2u);
  EXPECT_NE(hash64("a"), hash64("b"));
  EXPECT_EQ(hash64("viridian"), hash64(std::string("viridian")));
}

}  // namespace
}  // namespace viridian
