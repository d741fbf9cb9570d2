// An asynchronous operation of our own that is under way: what has to be kept until it completes, which is its handler.
#pragma once

#include <memory>
#include <utility>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>

#include "kv/base/asio_types.hpp"

namespace kv::net {

// Both functions end its life.
template <typename... Results>
class Operation {
 public:
  virtual void complete(Results... results) = 0;
  virtual void drop() = 0;

 protected:
  ~Operation() = default;
};

struct DropOperation {
  template <typename... Results>
  void operator()(Operation<Results...>* operation) const {
    operation->drop();
  }
};
// Owns an operation; one that never completes is dropped.
template <typename... Results>
using PendingOperation = std::unique_ptr<Operation<Results...>, DropOperation>;

// Lives in memory from its handler's allocator, which for a coroutine recycles it.
template <typename Handler, typename... Results>
class OperationOf final : public Operation<Results...> {
 public:
  static PendingOperation<Results...> make(Handler handler, const Executor& executor) {
    Allocator allocator(asio::get_associated_allocator(handler));
    OperationOf* memory = std::allocator_traits<Allocator>::allocate(allocator, 1);
    return PendingOperation<Results...>(new (memory) OperationOf(std::move(handler), executor));
  }

  void complete(Results... results) override {
    asio::get_associated_cancellation_slot(handler_).clear();
    const auto executor = asio::get_associated_executor(handler_, executor_);
    Handler handler = free();
    asio::dispatch(executor, [handler = std::move(handler), results...]() mutable { std::move(handler)(results...); });
  }
  void drop() override { free(); }

 private:
  using Allocator =
      typename std::allocator_traits<asio::associated_allocator_t<Handler>>::template rebind_alloc<OperationOf>;

  OperationOf(Handler handler, const Executor& executor) : handler_(std::move(handler)), executor_(executor) {}

  // The handler may own whatever started the operation, so it goes on living outside.
  Handler free() {
    Handler handler = std::move(handler_);
    Allocator allocator(asio::get_associated_allocator(handler));
    this->~OperationOf();
    std::allocator_traits<Allocator>::deallocate(allocator, this, 1);
    return handler;
  }

  Handler handler_;
  Executor executor_;
};

}  // namespace kv::net
