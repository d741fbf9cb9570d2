// Every limit that has a name. The ones that a flag can move are the flag's default here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace kv {

// The protocol (docs/protocol.md).
inline constexpr std::uint16_t kPortDefault = 6380;                // --bind
inline constexpr std::size_t kPayloadBytesDefault = 64U << 20;     // --max-payload
inline constexpr std::size_t kPayloadBytesCeiling = 0xFFFF'FFFFU;  // what a header can say
inline constexpr std::size_t kPayloadBytesFloor = 1U << 10;        // any error text fits
inline constexpr std::size_t kReasonBytesMax = 512;             // of what an error text quotes, such as a file's name
inline constexpr std::size_t kKeyBytesMax = 65'535;             // --max-key-bytes sets a lower one
inline constexpr std::size_t kNestingLevelsMax = 128;           // a flat list is 1 level
inline constexpr std::size_t kDecimalDigitsMax = 1'000;         // from the first that isn't 0
inline constexpr std::size_t kDecimalScaleMax = 1'000;          // digits after the point
inline constexpr std::uint64_t kAcquireWaitMsMax = 86'400'000;  // 1 day
inline constexpr std::uint64_t kLockTtlMsDefault = 30'000;      // LOCK, ACQUIRE and EXTEND with ttl 0
inline constexpr std::uint32_t kScanCountDefault = 100;
inline constexpr std::uint32_t kScanCountMax = 10'000;
inline constexpr std::size_t kFolderBytesMax = 4'095;  // of a backup: what Linux takes as a path

// Tracing.
inline constexpr double kTraceRatioDefault = 0.001;  // --otlp-sampling-ratio

// The engine.
inline constexpr std::size_t kShardsDefault = 256;  // --shards
inline constexpr std::size_t kShardsMax = 65'536;

// Memory.
inline constexpr std::uint64_t kMemoryBytesMin = std::uint64_t{32} << 20;  // --max-memory
inline constexpr std::uint64_t kMemoryBytesMax = std::uint64_t{1} << 48;
inline constexpr std::chrono::milliseconds kMemoryLookPeriod{20};  // how often the process is looked at

// Sessions.
inline constexpr std::size_t kThreadsMax = 512;             // --threads
inline constexpr std::size_t kConnectionsDefault = 10'000;  // --max-connections
inline constexpr std::size_t kConnectionsMax = 1'000'000;
inline constexpr std::size_t kRefusedConnectionsMax = 256;       // over the limit and told BUSY at one time
inline constexpr std::size_t kInputBytesIdle = 2U << 10;         // what a quiet session keeps
inline constexpr std::size_t kInputBytesUsual = 16U << 10;       // only a larger frame makes it grow past this
inline constexpr std::size_t kOutputBytesUsual = 64U << 10;      // kept of an output buffer that had to grow
inline constexpr std::size_t kBufferBytesUsual = 64U << 10;      // a larger one counts by itself, and asks for room
inline constexpr std::size_t kReplyBacklogDefault = 256U << 10;  // --reply-backlog: over it no frame is run
inline constexpr std::size_t kReplyBacklogFloor = 4U << 10;
inline constexpr std::size_t kReplyBacklogCeiling = 1U << 30;
inline constexpr std::size_t kTransferBytesMax = 256U << 10;  // of one read or write; then it's others' turn
inline constexpr std::size_t kReplyTailBytesMin = 64U << 10;  // a value this large is sent from where it stands
inline constexpr std::size_t kUnauthenticatedPayloadBytesMax = 4U << 10;  // of whom nobody knows yet
inline constexpr std::chrono::seconds kAuthenticationMax{10};             // for saying who it is
inline constexpr std::chrono::seconds kLingerMax{1};                      // discarding input after the last answer
inline constexpr std::chrono::milliseconds kSweepPeriod{100};             // the per-thread look at all time limits
inline constexpr std::size_t kTlsBytesAtOnce = 64U << 10;                 // encrypted in one go for one session
inline constexpr std::chrono::seconds kHandshakeMax{10};                  // that TLS waits for its peer
inline constexpr std::size_t kHandshakesMax = 1'024;                      // over it they get a tenth of that
inline constexpr std::chrono::seconds kTlsFilesPeriod{2};                 // the look at whether certificates changed
inline constexpr std::chrono::seconds kPatienceWhenShort{1};              // with peers that hold memory, at most
inline constexpr std::chrono::seconds kRequestTimeoutDefault{30};         // --request-timeout
inline constexpr std::chrono::seconds kReplyTimeoutDefault{300};          // --reply-timeout
inline constexpr std::chrono::seconds kTcpKeepaliveDefault{300};          // --tcp-keepalive
inline constexpr std::chrono::seconds kTcpKeepaliveMax{32'767};           // what Linux takes
inline constexpr std::chrono::hours kTimeoutMax{8'760};                   // of all timeouts of connections
inline constexpr std::chrono::seconds kAskThreadMax{1};                   // for what an I/O thread says of its sessions
inline constexpr std::chrono::seconds kThreadSilenceMax{5};               // of an I/O thread; then it counts as hung
inline constexpr std::size_t kClientNameBytesMax = 255;                   // CLIENT SETNAME
inline constexpr std::chrono::milliseconds kShutdownMax{4'000};           // then what is left is cut off
inline constexpr std::chrono::milliseconds kCutOffMax{500};  // then a request that still runs is left alone

// The admin listener.
inline constexpr std::size_t kAdminConnectionsMax = 64;        // one more takes the place of an idle one
inline constexpr std::size_t kAdminHeaderBytesMax = 8U << 10;  // of a request, with its first line
inline constexpr std::size_t kAdminTargetBytesMax = 1U << 10;  // of what it asks for
inline constexpr std::chrono::seconds kAdminIdleMax{120};      // from one request of a connection to the next
inline constexpr std::chrono::seconds kAdminRequestMax{5};     // from a request's first byte to its last
inline constexpr std::chrono::seconds kAdminReplyMax{5};       // for taking its reply

// The service manager.
inline constexpr std::chrono::seconds kNotifyMax{1};  // for taking what it is told

// The log of changes and the snapshots.
inline constexpr std::size_t kWalQueueBytesMax = 16U << 20;                        // then writes wait
inline constexpr std::chrono::milliseconds kFsyncIntervalDefault{100};             // --fsync-interval-ms
inline constexpr std::uint64_t kWalSegmentBytesDefault = 64U << 20;                // --wal-segment-bytes
inline constexpr std::chrono::seconds kSnapshotIntervalDefault{300};               // --snapshot-interval-secs
inline constexpr std::uint64_t kSnapshotWalBytesDefault = std::uint64_t{1} << 30;  // --snapshot-wal-bytes
inline constexpr int kSnapshotCompressionDefault = 1;                              // --snapshot-compression
inline constexpr std::chrono::seconds kSnapshotPauseMin{30};                       // between two that nobody asked for
inline constexpr std::size_t kSnapshotsKept = 2;
inline constexpr std::chrono::minutes kFsyncIntervalMax{1};
inline constexpr std::uint64_t kWalSegmentBytesMin = 1U << 20;
inline constexpr std::uint64_t kWalSegmentBytesMax = std::uint64_t{4} << 30;
inline constexpr std::chrono::hours kSnapshotIntervalMax{8'760};
inline constexpr std::uint64_t kSnapshotChangesMax = 1'000'000'000'000'000;
inline constexpr std::uint64_t kSnapshotWalBytesMax = std::uint64_t{1} << 40;
inline constexpr int kSnapshotCompressionMax = 19;

// Users (docs/users.md).
inline constexpr std::size_t kUsersMax = 10'000;
inline constexpr std::size_t kUserNameBytesMax = 128;
inline constexpr std::size_t kPasswordBytesMax = 1U << 10;
inline constexpr std::size_t kPasswordHashesMax = 4;          // of one user
inline constexpr std::size_t kPasswordMemoryMax = 64U << 20;  // that checking one takes, while it lasts
inline constexpr unsigned kPasswordPassesMax = 8;
inline constexpr std::size_t kPasswordThreads = 2;   // that check passwords
inline constexpr std::size_t kKeyPatternsMax = 256;  // of one user
inline constexpr std::size_t kKeyPatternBytesMax = 1U << 10;
inline constexpr std::size_t kAclFileBytesMax = 16U << 20;       // --acl-file
inline constexpr std::size_t kLoginsMax = 4'096;                 // that wait; one more is told BUSY
inline constexpr std::size_t kLoginsDelayedMax = 1'024;          // of these, for failures that went before
inline constexpr std::size_t kVerifiedPasswordsMax = 10'000;     // then the one longest unused is forgotten
inline constexpr std::size_t kFailingAddressesMax = 10'000;      // likewise
inline constexpr unsigned kFailuresFree = 5;                     // of an address, before it is slowed
inline constexpr std::chrono::milliseconds kLoginDelayMin{100};  // then twice as much for each failure
inline constexpr std::chrono::milliseconds kLoginDelayMax{5'000};
inline constexpr std::chrono::seconds kLoginWaitMax{30};       // in all; then it is told BUSY
inline constexpr std::chrono::minutes kFailuresForgotten{10};  // after the last one
inline constexpr std::size_t kFailureLinesMax = 10;            // logged a second; the others are counted

// The configuration file.
inline constexpr std::size_t kConfigFileBytesMax = 1U << 20;

// Looking into a server that runs.
inline constexpr std::uint32_t kBigKeysDefault = 10;
inline constexpr std::uint32_t kBigKeysMax = 1'000;
inline constexpr std::uint32_t kHotKeysDefault = 10;
inline constexpr std::uint32_t kHotKeysMax = 1'000;
inline constexpr std::chrono::seconds kHotKeysTimeMax{60};     // that KEYS samples
inline constexpr std::size_t kShownKeyBytesMax = 64;           // of a key in SLOWLOG, MONITOR and tables
inline constexpr std::size_t kMonitorRecordsMax = 4'096;       // that wait for one monitor; then they are dropped
inline constexpr std::chrono::seconds kMonitorWaitMax{10};     // that MONITOR holds its answer back
inline constexpr std::chrono::seconds kMonitorSilenceMax{30};  // of who doesn't ask again; then it is none any more
inline constexpr std::chrono::microseconds kSlowlogThresholdDefault{10'000};  // --slowlog-us
inline constexpr std::chrono::minutes kSlowlogThresholdMax{60};
inline constexpr std::size_t kSlowlogLengthDefault = 128;  // --slowlog-length: then the oldest gives way
inline constexpr std::size_t kSlowlogLengthMax = 65'536;

// The log.
inline constexpr std::size_t kLogQueueLinesMax = 512;      // then the oldest gives way; some 220 KB
inline constexpr std::size_t kLogTextBytesMax = 1U << 10;  // of a message or field; the rest is cut
inline constexpr std::chrono::seconds kLogStopMax{1};      // for a reader that takes nothing more

// Memory.
inline constexpr std::size_t kFreedBesideBytesMax = 512U << 20;  // to be freed by another thread; then whoever has it

// A request this large, or known to be slow, runs beside the I/O threads so that it delays nobody.
inline constexpr std::size_t kHeavyPayloadBytes = 256U << 10;

}  // namespace kv
