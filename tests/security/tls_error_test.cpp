#include "security/tls_error.hpp"

#include <openssl/pem.h>

#include <gtest/gtest.h>

namespace kv::security {
namespace {

TEST(TlsError, TellsTheCauseInWordsAndLeavesNothingBehind) {
  BIO* const nothing = BIO_new_mem_buf("", 0);
  EXPECT_EQ(PEM_read_bio_X509(nothing, nullptr, nullptr, nullptr), nullptr);
  BIO_free(nothing);
  EXPECT_EQ(take_tls_error(), "no start line");
  EXPECT_EQ(take_tls_error(), "no reason given");
}

}  // namespace
}  // namespace kv::security
