// Clang's thread-safety analysis, by names of our own; nothing under other compilers.
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#pragma once

#if defined(__clang__)
#define KV_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define KV_THREAD_ANNOTATION(x)
#endif

#define KV_CAPABILITY(name) KV_THREAD_ANNOTATION(capability(name))
#define KV_SCOPED_CAPABILITY KV_THREAD_ANNOTATION(scoped_lockable)
#define KV_GUARDED_BY(mutex) KV_THREAD_ANNOTATION(guarded_by(mutex))
#define KV_REQUIRES(...) KV_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define KV_REQUIRES_SHARED(...) KV_THREAD_ANNOTATION(requires_shared_capability(__VA_ARGS__))
#define KV_ACQUIRE(...) KV_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define KV_ACQUIRE_SHARED(...) KV_THREAD_ANNOTATION(acquire_shared_capability(__VA_ARGS__))
#define KV_RELEASE(...) KV_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define KV_RELEASE_SHARED(...) KV_THREAD_ANNOTATION(release_shared_capability(__VA_ARGS__))
#define KV_RELEASE_GENERIC(...) KV_THREAD_ANNOTATION(release_generic_capability(__VA_ARGS__))
#define KV_TRY_ACQUIRE(...) KV_THREAD_ANNOTATION(try_acquire_capability(__VA_ARGS__))
#define KV_TRY_ACQUIRE_SHARED(...) KV_THREAD_ANNOTATION(try_acquire_shared_capability(__VA_ARGS__))
#define KV_NO_THREAD_SAFETY_ANALYSIS KV_THREAD_ANNOTATION(no_thread_safety_analysis)
