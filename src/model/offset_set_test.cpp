#include "viridian/model/offset_set.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace viridian {
namespace {

TEST(OffsetSet, CountsWhatLiesBetween) {
  OffsetSet set;
  for (Offset offset = 0; offset < 500; ++offset)
    if (offset % 3 == 0 || offset > 400) set.insert(offset);
  const std::vector<Offset> all = set.slice(0, set.size());
  for (const Offset first :
       std::initializer_list<Offset>{0, 1, 63, 64, 65, 127, 128, 400, 499, 511, 512, 900}) {
    for (const Offset last :
         std::initializer_list<Offset>{0, 62, 63, 64, 128, 191, 401, 499, 511, 512, 1000}) {
      const auto between = [&](Offset each) { return first <= each && each <= last; };
      EXPECT_EQ(set.count(first, last),
                static_cast<uint64_t>(std::count_if(all.begin(), all.end(), between)))
          << first << " to " << last;
    }
  }
  EXPECT_EQ(OffsetSet().count(0, 100), 0u);
}

}  // namespace
}  // namespace viridian
