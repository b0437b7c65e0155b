# Flags and the helpers that every folder's CMakeLists.txt uses.

add_library(viridian_flags INTERFACE)
target_include_directories(viridian_flags INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
if(VIRIDIAN_DEVELOPER_MODE)
  target_compile_options(viridian_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wundef
    -Werror
    # In clang's eyes std::stable_sort of libstdc++ 12 calls what is deprecated.
    $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
endif()
# No contraction of a*b+c into one rounding, on any machine: the same data give the same answers.
target_compile_options(viridian_flags INTERFACE -ffp-contract=off -fno-omit-frame-pointer)
if(VIRIDIAN_SANITIZE)
  target_compile_options(viridian_flags INTERFACE -fsanitize=${VIRIDIAN_SANITIZE}
    -fno-sanitize-recover=all)
  target_link_options(viridian_flags INTERFACE -fsanitize=${VIRIDIAN_SANITIZE})
  # g++ 12 takes the sanitizers' own code for reads of what was never set.
  target_compile_options(viridian_flags INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()

find_package(Threads REQUIRED)

# viridian_library(base SOURCES a.cpp b.cpp DEPENDS other_target ...)
# One static library per folder: target viridian_<name>.
function(viridian_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(viridian_${name} STATIC ${arg_SOURCES})
  target_link_libraries(viridian_${name} PUBLIC viridian_flags Threads::Threads ${arg_DEPENDS}
                                         PRIVATE ${arg_PRIVATE_DEPENDS})
endfunction()

# viridian_test(log_test SOURCES frame_test.cpp ... DEPENDS viridian_log [LABELS slow])
# A GoogleTest program, one ctest entry. Its name ends in _test.
function(viridian_test name)
  if(NOT VIRIDIAN_DEVELOPER_MODE)
    return()
  endif()
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE viridian_flags ${arg_DEPENDS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 600)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
endfunction()

# viridian_fuzzer(frame_fuzz SOURCES frame_fuzz.cpp DEPENDS viridian_log)
# A libFuzzer program; its corpus lies in tests/fuzz/corpus/<name>/.
function(viridian_fuzzer name)
  if(NOT VIRIDIAN_FUZZ)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE viridian_flags ${arg_DEPENDS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()

# viridian_benchmark(distance_bench SOURCES distance_bench.cpp DEPENDS viridian_simd)
function(viridian_benchmark name)
  if(NOT VIRIDIAN_DEVELOPER_MODE)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE viridian_flags ${arg_DEPENDS} benchmark::benchmark)
endfunction()
