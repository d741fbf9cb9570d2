// Certificates that are exchanged under a running server.
#include "kv/security/tls_identity.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/base/temporary_folder.hpp"
#include "support/tls/certificates.hpp"

namespace kv::security {
namespace {

using testing::HasSubstr;

class TlsIdentityTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  test::CertificateAuthority authority_{folder_.path()};
  test::CertificateFiles files_ = authority_.issue("server");
  std::unique_ptr<TlsIdentity> identity_ =
      TlsIdentity::open({files_.certificate, files_.key, ""}, ClientAuth::kNone).value();
  std::shared_ptr<const TlsContext> first_ = identity_->current();
};

TEST_F(TlsIdentityTest, StaysAsItIsWhileItsFilesDo) {
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(identity_->poll().value());
  EXPECT_EQ(identity_->current(), first_);
}

TEST_F(TlsIdentityTest, TakesNewFilesOnceTheyHaveSettled) {
  authority_.issue("server");
  EXPECT_FALSE(identity_->poll().value()) << "the key may not be there yet";
  EXPECT_EQ(identity_->current(), first_);
  EXPECT_TRUE(identity_->poll().value());
  EXPECT_NE(identity_->current(), first_);
  EXPECT_FALSE(identity_->poll().value());
}

TEST_F(TlsIdentityTest, KeepsTheOldOneWhereTheNewIsNoGoodAndSaysSoOnce) {
  folder_.write("server.pem", "nonsense");
  EXPECT_FALSE(identity_->poll().value());
  const auto polled = identity_->poll();
  ASSERT_TRUE(polled.has_error());
  EXPECT_THAT(polled.error().message, HasSubstr("server.pem is not good"));
  EXPECT_FALSE(identity_->poll().value()) << "it has been said";
  EXPECT_EQ(identity_->current(), first_);
  std::filesystem::remove(files_.key);
  EXPECT_FALSE(identity_->poll().value());
  EXPECT_TRUE(identity_->poll().has_error()) << "this is another change";
  authority_.issue("server");
  EXPECT_FALSE(identity_->poll().value());
  EXPECT_TRUE(identity_->poll().value()) << "and this one is good";
}

TEST_F(TlsIdentityTest, ReloadsAtOnceWhenItIsToldTo) {
  authority_.issue("server");
  EXPECT_TRUE(identity_->reload().has_value());
  EXPECT_NE(identity_->current(), first_);
  folder_.write("server.key", "nonsense");
  EXPECT_TRUE(identity_->reload().has_error());
  EXPECT_TRUE(identity_->reload().has_error()) << "it is said as often as it is asked for";
}

}  // namespace
}  // namespace kv::security
