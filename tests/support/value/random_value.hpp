// Random values, for round trips, for models of the server and for fuzz seeds. All of them are well-formed.
#pragma once

#include <cstddef>
#include <string>

#include "kv/value/value_view.hpp"

#include "support/base/random.hpp"

namespace kv::test {

struct RandomValueOptions {
  std::size_t levels_max = 4;       // how deep Lists and Maps nest
  std::size_t items_max = 6;        // in one List or Map
  std::size_t text_bytes_max = 40;  // of a String, Bytes or map key, about
  // Decimals in every form that a client may send; without it they are canonical, and a value comes back as it was
  // sent.
  bool canonical = true;
};

// An encoded value of any type. Numbers at the edges of their range and empty things come often.
std::string random_value(Random& random, const RandomValueOptions& options = {});

// Valid UTF-8 of up to about `bytes_max` bytes: code points of every length, NUL among them.
std::string random_utf8(Random& random, std::size_t bytes_max);

// A decimal's text as a client may send it: signs, points, exponents, zeros where none are needed.
std::string random_decimal(Random& random);

// The whole value as it stands on the wire.
std::string encoded(const value::ValueView& value);

// The same value in other bytes, where there are any: pairs of Maps in another order, at every depth, and Decimals with
// more or fewer zeros at the end of the fraction. Whatever equality means, it must not see a difference.
std::string shuffle_value(Random& random, ByteView bytes);

}  // namespace kv::test
