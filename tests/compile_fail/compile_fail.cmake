# Tests that run the compiler: code that must be refused, and headers that must stand alone.
set(compile_one ${CMAKE_COMMAND}
  -D "COMPILER=${CMAKE_CXX_COMPILER}" -D "INCLUDE=${PROJECT_SOURCE_DIR}/include"
  -P "${CMAKE_CURRENT_LIST_DIR}/compile_one.cmake")
set(faults_file "${CMAKE_CURRENT_LIST_DIR}/faults.cc")

add_test(NAME "compile: the file without a fault"
  COMMAND ${compile_one} "${faults_file}")

# bcstore_must_not_compile(FAULT REASON): REASON is a regular expression of what g++ or clang says.
function(bcstore_must_not_compile fault reason)
  add_test(NAME "compile: refused, ${fault}"
    COMMAND ${compile_one} "${faults_file}" "${fault}" "${reason}")
endfunction()
bcstore_must_not_compile(wrong_id_kind "convert|no viable conversion|no matching")
bcstore_must_not_compile(wrong_id_in_batch "convert|no viable conversion|no matching")
bcstore_must_not_compile(uuid_for_an_id "conversion from|no viable conversion")
bcstore_must_not_compile(ignored_status "nodiscard|ignoring return")
bcstore_must_not_compile(ignored_result "nodiscard|ignoring return")
bcstore_must_not_compile(text_of_a_temporary_value "deleted")
bcstore_must_not_compile(text_of_a_temporary_star "deleted")
bcstore_must_not_compile(text_of_a_temporary_arrow "deleted")
bcstore_must_not_compile(content_of_a_temporary_revision "deleted")
bcstore_must_not_compile(sentence_of_a_temporary_status "deleted")
bcstore_must_not_compile(copied_record "deleted|implicitly-deleted")
bcstore_must_not_compile(copied_batch "deleted|implicitly-deleted")
bcstore_must_not_compile(batch_of_nobody "no matching")
bcstore_must_not_compile(rocksdb_reachable "rocksdb")
bcstore_must_not_compile(engine_reachable "engine")
bcstore_must_not_compile(core_is_complete "incomplete type")
# Clang 14 does not look at designated initializers for this.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  bcstore_must_not_compile(missing_role "missing initializer.*role")
  bcstore_must_not_compile(missing_title "missing initializer.*title")
  bcstore_must_not_compile(missing_section "missing initializer.*section")
endif()

file(GLOB public_headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/bcstore/*.h")
foreach(header IN LISTS public_headers)
  get_filename_component(name "${header}" NAME)
  add_test(NAME "compile: bcstore/${name} stands alone" COMMAND ${compile_one} "bcstore/${name}")
endforeach()
