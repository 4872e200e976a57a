# OpenSSL for cpp-httplib. On Linux the libraries do not link to it: src/system/openssl.cpp looks for it when they are
# loaded, and gives cpp-httplib its functions. Elsewhere it is linked, as llama.cpp does.
include_guard()

add_library(xllamacpp_openssl STATIC src/system/openssl.cpp)
target_include_directories(xllamacpp_openssl PUBLIC include)
set_property(TARGET xllamacpp_openssl PROPERTY POSITION_INDEPENDENT_CODE ON)

get_target_property(definitions cpp-httplib COMPILE_DEFINITIONS)
if("CPPHTTPLIB_OPENSSL_SUPPORT" IN_LIST definitions)
  set(XLLAMACPP_HAS_OPENSSL ON)
  find_package(OpenSSL REQUIRED)
  target_compile_definitions(xllamacpp_openssl PRIVATE CPPHTTPLIB_OPENSSL_SUPPORT)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|aarch64)$")
    set(functions "${CMAKE_CURRENT_BINARY_DIR}/openssl_functions.inc")
    add_custom_command(
      OUTPUT "${functions}"
      COMMAND "${CMAKE_COMMAND}"
        "-DNM=${CMAKE_NM}" "-DCALLER=$<TARGET_FILE:cpp-httplib>"
        "-DLIBRARIES=${OPENSSL_SSL_LIBRARY};${OPENSSL_CRYPTO_LIBRARY}" "-DOUTPUT=${functions}"
        -P "${CMAKE_CURRENT_LIST_DIR}/openssl_functions.cmake"
      DEPENDS cpp-httplib "${CMAKE_CURRENT_LIST_DIR}/openssl_functions.cmake"
      COMMENT "Listing the functions of OpenSSL that are called"
      VERBATIM)
    target_sources(xllamacpp_openssl PRIVATE "${functions}")
    target_compile_definitions(xllamacpp_openssl PRIVATE "XLLAMACPP_OPENSSL_FUNCTIONS=\"${functions}\"")
    target_include_directories(xllamacpp_openssl SYSTEM PRIVATE "${OPENSSL_INCLUDE_DIR}")
    target_link_libraries(xllamacpp_openssl PRIVATE ${CMAKE_DL_LIBS})

    foreach(property IN ITEMS LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
      get_target_property(libraries cpp-httplib ${property})
      list(REMOVE_ITEM libraries OpenSSL::SSL OpenSSL::Crypto)
      set_property(TARGET cpp-httplib PROPERTY ${property} ${libraries})
    endforeach()
    target_include_directories(cpp-httplib SYSTEM PUBLIC "${OPENSSL_INCLUDE_DIR}")
    # For those who link cpp-httplib. It does not need it to be made, and the list of functions is made of it.
    set_property(TARGET cpp-httplib APPEND PROPERTY INTERFACE_LINK_LIBRARIES xllamacpp_openssl)
  endif()
else()
  set(XLLAMACPP_HAS_OPENSSL OFF)
endif()
