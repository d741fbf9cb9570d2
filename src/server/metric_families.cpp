#include "server/metric_families.hpp"

#include <cmath>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace kv::server {
namespace {

// The buckets that Prometheus gets: one an octave, from 256 ns up to 17 s.
constexpr int kOctaveFirst = 8;
constexpr int kOctaveLast = 34;
constexpr double kNanosecondsInSecond = 1e9;

}  // namespace

struct MetricFamilies::State {
  std::vector<prometheus::MetricFamily> families;

  void begin(const std::string& name, const std::string& help, prometheus::MetricType type) {
    families.push_back({name, help, type, {}});
  }
  prometheus::ClientMetric& add(const Labels& labels) {
    prometheus::ClientMetric& metric = families.back().metric.emplace_back();
    for (const auto& [name, value] : labels) metric.label.push_back({name, value});
    return metric;
  }
};

MetricFamilies::MetricFamilies() : state_(std::make_unique<State>()) {}
MetricFamilies::~MetricFamilies() = default;

void MetricFamilies::gauges(const std::string& name, const std::string& help) {
  state_->begin(name, help, prometheus::MetricType::Gauge);
}

void MetricFamilies::counters(const std::string& name, const std::string& help) {
  state_->begin(name, help, prometheus::MetricType::Counter);
}

void MetricFamilies::histograms(const std::string& name, const std::string& help) {
  state_->begin(name, help, prometheus::MetricType::Histogram);
}

void MetricFamilies::add(double value, const Labels& labels) {
  const bool counts = state_->families.back().type == prometheus::MetricType::Counter;
  prometheus::ClientMetric& metric = state_->add(labels);
  (counts ? metric.counter.value : metric.gauge.value) = value;
}

void MetricFamilies::add(const observability::Distribution& distribution, const Labels& labels) {
  prometheus::ClientMetric::Histogram& histogram = state_->add(labels).histogram;
  histogram.sample_count = distribution.count();
  histogram.sample_sum = static_cast<double>(distribution.sum_ns) / kNanosecondsInSecond;
  for (int octave = kOctaveFirst; octave <= kOctaveLast; ++octave) {
    histogram.bucket.push_back({distribution.count_below(octave), std::ldexp(1.0, octave) / kNanosecondsInSecond});
  }
}

void MetricFamilies::gauge(const std::string& name, const std::string& help, double value) {
  gauges(name, help);
  add(value);
}

void MetricFamilies::counter(const std::string& name, const std::string& help, double value) {
  counters(name, help);
  add(value);
}

std::string MetricFamilies::text() const {
  return prometheus::TextSerializer().Serialize(state_->families);
}

}  // namespace kv::server
