# bcstore_own_code(TARGET): the project's rules for code of its own.
function(bcstore_own_code target)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_features(${target} PRIVATE cxx_std_20)
  if(BCSTORE_STRICT)
    target_compile_options(${target} PRIVATE
      -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror)
    # Sanitizers hide from g++ what was initialized; the release build still looks.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_FLAGS MATCHES "-fsanitize")
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
  endif()
endfunction()

# bcstore_program(TARGET SOURCE...): a program of this project that uses the library.
function(bcstore_program target)
  add_executable(${target} ${ARGN})
  bcstore_own_code(${target})
  target_link_libraries(${target} PRIVATE bcstore::bcstore)
endfunction()
