# cmake -D COMPILER=... -D INCLUDE=... -P compile_one.cmake FILE [FAULT REASON]
# FILE, which may also be a header such as bcstore/id.h, must compile; with a FAULT it must be
# refused for a REASON (a regular expression).
math(EXPR last "${CMAKE_ARGC} - 1")
set(arguments "")
foreach(i RANGE ${last})
  list(APPEND arguments "${CMAKE_ARGV${i}}")
endforeach()
list(FIND arguments "${CMAKE_CURRENT_LIST_FILE}" script)
list(SUBLIST arguments ${script} -1 arguments)
list(LENGTH arguments count)
list(GET arguments 1 file)
set(define "")
if(count GREATER 2)
  list(GET arguments 2 fault)
  list(GET arguments 3 reason)
  set(define "-DFAULT_${fault}")
endif()

execute_process(
  COMMAND "${COMPILER}" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -x c++
          "-I${INCLUDE}" ${define} -include "${file}" /dev/null
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)

if(NOT define)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "must compile:\n${output}")
  endif()
elseif(result EQUAL 0)
  message(FATAL_ERROR "compiles with the fault ${fault}")
elseif(NOT output MATCHES "${reason}")
  message(FATAL_ERROR "refused for another reason than '${reason}':\n${output}")
endif()
