#include "net/reply_queue.hpp"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "support/base/random.hpp"

namespace kv::net {
namespace {

// Counts itself as long as it lives.
class Tail final : public protocol::ReplyTail {
 public:
  Tail(std::string bytes, int& alive) : bytes_(std::move(bytes)), alive_(alive) { ++alive_; }
  ~Tail() override { --alive_; }
  ByteView bytes() const override { return bytes_; }

 private:
  const std::string bytes_;
  int& alive_;
};

std::string text(const ReplyQueue::Pieces& pieces) {
  std::string text;
  for (const asio::const_buffer& piece : pieces) {
    EXPECT_NE(piece.size(), 0U);
    text.append(static_cast<const char*>(piece.data()), piece.size());
  }
  return text;
}

TEST(ReplyQueue, TailsStandBetweenWhatWasAppendedBeforeAndAfter) {
  int alive = 0;
  ReplyQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.front(100).empty());
  queue.buffer().append("a");
  queue.add_tail(std::make_unique<Tail>("BB", alive));
  queue.buffer().append("c");
  queue.add_tail(std::make_unique<Tail>("D", alive));
  queue.add_tail(std::make_unique<Tail>("E", alive));
  queue.buffer().append("f");
  EXPECT_EQ(queue.size(), 7U);
  EXPECT_EQ(queue.front(100).size(), 6U);
  EXPECT_EQ(text(queue.front(100)), "aBBcDEf");
  EXPECT_EQ(text(queue.front(2)), "aB");
  queue.consume(2);
  EXPECT_EQ(text(queue.front(100)), "BcDEf");
  EXPECT_EQ(alive, 3);
  queue.consume(1);
  EXPECT_EQ(alive, 2) << "what is sent is let go of";
  queue.consume(4);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(alive, 0);
}

TEST(ReplyQueue, ClearingLetsGoOfEverything) {
  int alive = 0;
  ReplyQueue queue;
  queue.buffer().append("a");
  queue.add_tail(std::make_unique<Tail>("B", alive));
  queue.clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(alive, 0);
  queue.buffer().append("c");
  EXPECT_EQ(text(queue.front(100)), "c");
}

TEST(ReplyQueue, HandsOutNoMorePiecesThanGoInOneWrite) {
  int alive = 0;
  ReplyQueue queue;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    queue.buffer().append("a");
    queue.add_tail(std::make_unique<Tail>("B", alive));
    expected += "aB";
  }
  const std::size_t pieces = queue.front(1'000).size();
  EXPECT_EQ(pieces, PolledSocket::kPiecesMax);
  EXPECT_EQ(text(queue.front(1'000)), expected.substr(0, pieces));
}

// Against a string, whatever is appended and however it is sent.
TEST(ReplyQueue, SendsTheBytesInTheirOrder) {
  test::Random random;
  int alive = 0;
  ReplyQueue queue;
  std::string model;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(1 + random.below(20), static_cast<char>('a' + i % 26));
    if (random.one_in(3)) {
      model += bytes;
      queue.add_tail(std::make_unique<Tail>(std::move(bytes), alive));
    } else if (random.one_in(2)) {
      model += bytes;
      queue.buffer().append(bytes);
    } else {
      const std::string front = text(queue.front(1 + random.below(60)));
      ASSERT_EQ(model.empty(), front.empty());
      ASSERT_EQ(front, model.substr(0, front.size()));
      const std::size_t sent = random.below(front.size() + 1);
      queue.consume(sent);
      model.erase(0, sent);
    }
    ASSERT_EQ(queue.size(), model.size());
  }
  queue.clear();
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace kv::net
