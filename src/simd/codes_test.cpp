#include "simd/codes.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <span>
#include <vector>

#include "simd/codes_plain.h"

namespace viridian::simd {
namespace {

/// `n` values at a multiple of 64 bytes, in a buffer of exactly their size.
template <class T>
class Aligned {
 public:
  explicit Aligned(size_t n)
      : n_(n), data_(static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{64}))) {
    std::memset(data_.get(), 0, n * sizeof(T));
  }
  T* data() { return data_.get(); }
  T& operator[](size_t i) { return data_.get()[i]; }
  std::span<T> all() { return {data_.get(), n_}; }

 private:
  struct Free {
    void operator()(T* at) const { ::operator delete (at, std::align_val_t{64}); }
  };
  size_t n_;
  std::unique_ptr<T, Free> data_;
};

class CodeKernelsTest : public testing::Test {
 protected:
  int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  float real() { return std::uniform_real_distribution<float>(-3, 3)(random_); }

  std::mt19937 random_{17};
  const CodeKernels plain_ = plain_code_kernels();
  const std::vector<CodeTarget> targets_ = supported_code_targets();
};

RecordKernel of(const CodeKernels& kernels, int bits) {
  return bits == 1   ? kernels.records1
         : bits == 2 ? kernels.records2
         : bits == 4 ? kernels.records4
                     : kernels.records8;
}

TEST_F(CodeKernelsTest, EveryTargetGivesTheSameRecordDistances) {
  for (int bits : {1, 2, 4, 8}) {
    for (size_t lines : std::initializer_list<size_t>{1, 2, 3, 7}) {
      const size_t bytes = lines * kLineBytes;
      const size_t planes = 8 / static_cast<size_t>(bits);
      Aligned<int8_t> weights(planes * bytes);
      for (size_t plane = 0; plane < planes; ++plane)
        for (size_t at = 0; at < bytes - sizeof(RecordTail); ++at)
          weights[plane * bytes + at] = static_cast<int8_t>(between(-127, 127));
      for (size_t n : std::initializer_list<size_t>{1, 2, 3, 4, 5, 31, 32}) {
        Aligned<uint8_t> records(n * bytes);
        std::vector<const uint8_t*> pointers;
        for (size_t i = 0; i < n; ++i) {
          uint8_t* const record = records.data() + i * bytes;
          for (size_t at = 0; at < bytes; ++at)
            record[at] = static_cast<uint8_t>(bits == 8 ? between(0, 127) : between(0, 255));
          const RecordTail tail{real(), real(), static_cast<uint32_t>(i)};
          std::memcpy(record + bytes - sizeof tail, &tail, sizeof tail);
          pointers.push_back(record);
        }
        const CodeQuery query{weights.data(), lines, real(), real()};
        std::vector<float> expected(n + 3);
        of(plain_, bits)(query, pointers.data(), n, expected.data());
        for (const CodeTarget& target : targets_) {
          std::vector<float> out(n + 3);
          of(target.kernels, bits)(query, pointers.data(), n, out.data());
          for (size_t i = 0; i < n; ++i)
            EXPECT_EQ(out[i], expected[i]) << target.name << ' ' << bits << ' ' << lines;
        }
      }
    }
  }
}

// The largest values there are: sums of pairs must not be cut off.
TEST_F(CodeKernelsTest, LargestProductsAreExact) {
  constexpr size_t kSize = 16384;
  Aligned<uint8_t> left(kSize);
  Aligned<int8_t> row(kSize);
  for (int sign : {1, -1}) {
    std::ranges::fill(left.all(), uint8_t{127});
    std::ranges::fill(row.all(), static_cast<int8_t>(sign * 127));
    const int8_t* const rows[] = {row.data()};
    for (const CodeTarget& target : targets_) {
      int32_t out = 0;
      target.kernels.dot(left.data(), rows, kSize, 1, &out);
      EXPECT_EQ(out, sign * 127 * 127 * static_cast<int32_t>(kSize)) << target.name;
    }
  }
}

TEST_F(CodeKernelsTest, DotsAndTilesAreExact) {
  for (size_t size : std::initializer_list<size_t>{64, 128, 448}) {
    for (size_t blocks : std::initializer_list<size_t>{1, 3}) {
      const size_t columns = blocks * kTileColumns;
      Aligned<uint8_t> left(kTileRows * size);
      for (uint8_t& value : left.all()) value = static_cast<uint8_t>(between(0, 127));
      Aligned<int8_t> right(columns * size), packed(columns * size);
      std::vector<const int8_t*> rows;
      for (size_t c = 0; c < columns; ++c) {
        rows.push_back(right.data() + c * size);
        for (size_t at = 0; at < size; ++at) {
          const auto value = static_cast<int8_t>(between(-127, 127));
          right[c * size + at] = value;
          const size_t quad = c / kTileColumns * (size / 4) + at / 4;
          packed[(quad * kTileColumns + c % kTileColumns) * 4 + at % 4] = value;
        }
      }
      for (const CodeTarget& target : targets_) {
        std::vector<int32_t> products(kTileRows * columns), dots(columns), expected(columns);
        target.kernels.tile(left.data(), size, packed.data(), size, blocks, products.data(),
                            columns);
        for (size_t r = 0; r < kTileRows; ++r) {
          plain_.dot(left.data() + r * size, rows.data(), size, columns, expected.data());
          target.kernels.dot(left.data() + r * size, rows.data(), size, columns, dots.data());
          EXPECT_EQ(dots, expected) << target.name << ' ' << size;
          EXPECT_TRUE(std::equal(expected.begin(), expected.end(),
                                 products.begin() + static_cast<std::ptrdiff_t>(r * columns)))
              << target.name << ' ' << size << ' ' << blocks;
        }
      }
    }
  }
}

TEST_F(CodeKernelsTest, DistancesMinimaAndWhatIsBelow) {
  for (size_t n : std::initializer_list<size_t>{16, 48, 64, 400}) {
    std::vector<int32_t> products(n), biases(n);
    std::vector<float> scales(n), lengths(n);
    for (size_t i = 0; i < n; ++i) {
      products[i] = between(-2'000'000, 2'000'000);
      biases[i] = between(-100'000, 100'000);
      scales[i] = real();
      lengths[i] = real();
    }
    std::vector<float> expected(n), minima(64);
    plain_.distances(products.data(), biases.data(), scales.data(), lengths.data(), 1.25F, 0.003F,
                     n, expected.data(), minima.data());
    std::vector<uint32_t> under(n);
    under.resize(plain_.below(expected.data(), expected[3], n, under.data()));
    for (const CodeTarget& target : targets_) {
      std::vector<float> out(n), least(64);
      target.kernels.distances(products.data(), biases.data(), scales.data(), lengths.data(), 1.25F,
                               0.003F, n, out.data(), least.data());
      EXPECT_EQ(out, expected) << target.name << ' ' << n;
      EXPECT_EQ(least, minima) << target.name << ' ' << n;
      std::vector<uint32_t> found(n);
      found.resize(target.kernels.below(out.data(), expected[3], n, found.data()));
      EXPECT_EQ(found, under) << target.name << ' ' << n;
    }
  }
}

TEST_F(CodeKernelsTest, EveryTargetGivesTheSameUnitBounds) {
  for (size_t groups : std::initializer_list<size_t>{1, 2, 13, 48}) {
    const size_t unit_bytes = sizeof(UnitHeader) + groups * kLineBytes;
    Aligned<int8_t> weights(groups * 8);
    for (int8_t& weight : weights.all()) weight = static_cast<int8_t>(between(-127, 127));
    for (size_t n : {kUnitsAtOnce, 3 * kUnitsAtOnce}) {
      Aligned<uint8_t> units(n * unit_bytes);
      for (uint8_t& byte : units.all()) byte = static_cast<uint8_t>(between(0, 255));
      for (size_t unit = 0; unit < n; ++unit) {
        float header[kUnitRows * 4];
        for (float& value : header) value = real();
        std::memcpy(units.data() + unit * unit_bytes, header, sizeof header);
      }
      const UnitQuery query{weights.data(), groups, real(), real(), real(), real(), real()};
      std::vector<float> expected(n * kUnitRows), minima(n / kUnitsAtOnce);
      plain_.units(query, units.data(), n, expected.data(), minima.data());
      for (const CodeTarget& target : targets_) {
        std::vector<float> out(n * kUnitRows), least(n / kUnitsAtOnce);
        target.kernels.units(query, units.data(), n, out.data(), least.data());
        EXPECT_EQ(out, expected) << target.name << ' ' << groups;
        EXPECT_EQ(least, minima) << target.name << ' ' << groups;
      }
    }
  }
}

TEST_F(CodeKernelsTest, EveryTargetGivesTheSameTransform) {
  for (size_t n = 1; n <= 4096; n *= 2) {
    std::vector<float> values(n);
    for (float& value : values) value = real();
    std::vector<float> expected = values;
    plain_.hadamard(expected.data(), n);
    for (const CodeTarget& target : targets_) {
      std::vector<float> out = values;
      target.kernels.hadamard(out.data(), n);
      EXPECT_EQ(out, expected) << target.name << ' ' << n;
    }
  }
}

}  // namespace
}  // namespace viridian::simd
