# mooring_library(NAME folder [SOURCES …] DEPENDS … [PRIVATE_DEPENDS …]); without sources: of headers only
#
# A library sees the headers of its own folder and of those it depends on, and no others: each gets an include
# root of its own ("face") that holds nothing but a link to its folder. So an #include against the direction of
# the design does not compile.
function(mooring_library name folder)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS")
  set(public PUBLIC)
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE ${arg_PRIVATE_DEPENDS} mooring_options)
  else()
    add_library(${name} INTERFACE)
    set(public INTERFACE)
  endif()
  set(face ${CMAKE_BINARY_DIR}/faces/${name})
  cmake_path(GET folder PARENT_PATH parent)
  file(MAKE_DIRECTORY ${face}/${parent})
  if(NOT EXISTS ${face}/${folder})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${folder} ${face}/${folder} SYMBOLIC)
  endif()
  target_include_directories(${name} ${public} ${face})
  target_link_libraries(${name} ${public} ${arg_DEPENDS})
endfunction()

add_library(mooring_options INTERFACE)
target_compile_options(mooring_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual -Woverloaded-virtual
  -Wextra-semi -Wimplicit-fallthrough -Wnull-dereference -fstack-protector-strong
  $<$<BOOL:${MOORING_WERROR}>:-Werror>
  # Null dereference is reported inside coroutine frames and libstdc++ by g++ once it inlines; clang has no such doubt.
  # So is the aligned allocation of coroutine frames in Asio, a pair that does match (GCC bug 109224).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-null-dereference> $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
  # And of values that Outcome's TRY has tested before it touches them.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  # In a unity build, g++ takes the sources that are included there for headers.
  $<$<AND:$<BOOL:${CMAKE_UNITY_BUILD}>,$<CXX_COMPILER_ID:GNU>>:-Wno-subobject-linkage>
  $<$<CONFIG:Release,RelWithDebInfo>:-D_FORTIFY_SOURCE=2>)
target_compile_definitions(mooring_options INTERFACE MOORING_VERSION="${PROJECT_VERSION}")
if(MOORING_SANITIZE STREQUAL "thread")
  # g++ cannot instrument fences (-Wtsan); Asio has none to spare, see BOOST_ASIO_DISABLE_FENCED_BLOCK in Dependencies.cmake.
  target_compile_options(mooring_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
endif()
if(MOORING_SANITIZE)
  target_compile_options(mooring_options INTERFACE -fsanitize=${MOORING_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(mooring_options INTERFACE -fsanitize=${MOORING_SANITIZE})
endif()
if(MOORING_FUZZ)
  # What -fsanitize=function puts before a function, clang 14 cannot put before the parts of a coroutine.
  target_compile_options(mooring_options INTERFACE -fsanitize=fuzzer-no-link -fno-sanitize=function)
endif()
