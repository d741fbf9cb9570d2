# KV_SANITIZE applies to every target, so that a test and the rooms it links agree on it.
add_library(kv_sanitizers INTERFACE)
if(KV_SANITIZE)
  target_compile_options(kv_sanitizers INTERFACE -fsanitize=${KV_SANITIZE} -fno-omit-frame-pointer
                                                 -fno-sanitize-recover=all)
  target_link_options(kv_sanitizers INTERFACE -fsanitize=${KV_SANITIZE})
endif()
if(KV_SANITIZE MATCHES "undefined" AND NOT KV_FUZZ)
  # The check of virtual calls opens a pipe to find out whether an object's memory can be read, and calls a good object
  # bad where no descriptor is left, which a test brings about. A freed object is AddressSanitizer's to find.
  target_compile_options(kv_sanitizers INTERFACE -fno-sanitize=vptr)
endif()
if(KV_SANITIZE MATCHES "thread")
  # g++ 12's TSan knows no std::atomic_thread_fence, which Asio's handler fences are made of.
  target_compile_definitions(kv_sanitizers INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
  target_compile_options(kv_sanitizers INTERFACE -Wno-tsan)
endif()
if(KV_FUZZ)
  target_compile_options(kv_sanitizers INTERFACE -fsanitize=fuzzer-no-link)
endif()
