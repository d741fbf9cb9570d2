#include "storage/file_system.hpp"

#include <boost/system/errc.hpp>

namespace kv::storage {
namespace {

// Takes the first `bytes` bytes away from `pieces`.
void drop_front(std::vector<ByteView>& pieces, std::size_t bytes) {
  std::size_t gone = 0;
  while (gone < pieces.size() && pieces[gone].size() <= bytes) bytes -= pieces[gone++].size();
  pieces.erase(pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(gone));
  if (bytes != 0) pieces.front().remove_prefix(bytes);
}

}  // namespace

IoResult<void> write_all(File& file, std::uint64_t offset, std::span<const ByteView> pieces) {
  std::size_t left = 0;
  for (const ByteView piece : pieces) left += piece.size();
  std::vector<ByteView> rest;  // filled only once an attempt has fallen short, which is rare
  while (left != 0) {
    const auto written = file.write_at(offset, pieces);
    if (!written) return written.error();
    if (*written == 0) return make_error_code(boost::system::errc::io_error);
    left -= *written;
    if (left == 0) break;
    offset += *written;
    if (rest.empty()) rest.assign(pieces.begin(), pieces.end());
    drop_front(rest, *written);
    pieces = rest;
  }
  return {};
}

IoResult<std::size_t> read_all(const File& file, std::uint64_t offset, std::span<char> to) {
  std::size_t filled = 0;
  while (filled < to.size()) {
    const auto read = file.read_at(offset + filled, to.subspan(filled));
    if (!read) return read.error();
    if (*read == 0) break;
    filled += *read;
  }
  return filled;
}

}  // namespace kv::storage
