#include "viridian/model/offset_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

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

/// An OffsetSet and what it is to hold.
struct Both {
  OffsetSet set;
  std::set<Offset> oracle;

  void insert(Offset offset) {
    set.insert(offset);
    oracle.insert(offset);
  }
  void expect_same() const {
    ASSERT_EQ(set.size(), oracle.size());
    const std::vector<Offset> all = set.slice(0, set.size());
    ASSERT_TRUE(std::equal(all.begin(), all.end(), oracle.begin(), oracle.end()));
    std::vector<Offset> each;
    set.for_each([&](Offset offset) { return each.push_back(offset), true; });
    ASSERT_EQ(each, all);
    for (uint64_t skip = 1; skip < all.size(); skip = skip * 3 + 1)
      ASSERT_EQ(set.slice(skip, 3),
                std::vector(
                    all.begin() + static_cast<ptrdiff_t>(skip),
                    all.begin() + static_cast<ptrdiff_t>(std::min<size_t>(skip + 3, all.size()))));
    for (const Offset offset : all)
      for (const Offset near : {offset - 1, offset + 1, offset + 64, offset - 64})
        ASSERT_EQ(set.contains(near), oracle.contains(near));
  }
};

TEST(OffsetSet, DoesWhatSetsDo) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 300; ++round) {
    const Offset base = round % 3 == 0 ? 0 : random() % 100'000;
    const auto some = [&] {
      Both both;
      for (int step = 0; step < 6; ++step) {
        const Offset first = base + random() % 3000;
        if (random() % 3 == 0) {
          for (uint64_t i = random() % 40; i > 0; --i) both.insert(base + random() % 3000);
        } else if (random() % 2 == 0) {
          const Offset last = first + random() % 300;
          both.set.insert_range(first, last);
          for (Offset offset = first; offset < last; ++offset) both.oracle.insert(offset);
        } else {
          std::vector<uint64_t> bits(random() % 5);
          for (uint64_t& word : bits) word = random() % 4 == 0 ? 0 : random() & random();
          both.set.insert_bits(first, bits);
          for (size_t i = 0; i < bits.size() * 64; ++i)
            if ((bits[i / 64] >> (i % 64) & 1) != 0) both.oracle.insert(first + i);
        }
      }
      return both;
    };
    Both both = some();
    const Both other = some();
    if (random() % 2 == 0) {
      both.set.unite(other.set);
      both.oracle.insert(other.oracle.begin(), other.oracle.end());
    } else {
      both.set.intersect(other.set);
      std::erase_if(both.oracle, [&](Offset each) { return !other.oracle.contains(each); });
    }
    both.expect_same();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace viridian
