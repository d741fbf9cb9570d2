// The one door to prometheus-cpp: figures become families of metrics, and those the text that Prometheus reads.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kv/observability/histogram.hpp"

namespace kv::server {

class MetricFamilies {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  MetricFamilies();
  ~MetricFamilies();
  MetricFamilies(const MetricFamilies&) = delete;
  MetricFamilies& operator=(const MetricFamilies&) = delete;

  // Begin a family of a kind; what follows goes into it. Names end in their unit, those of counters then in `_total`.
  void gauges(const std::string& name, const std::string& help);
  void counters(const std::string& name, const std::string& help);
  void histograms(const std::string& name, const std::string& help);

  // Of a family of gauges or counters.
  void add(double value, const Labels& labels = {});
  // Of a family of histograms, in seconds.
  void add(const observability::Distribution& distribution, const Labels& labels = {});

  // A family of one.
  void gauge(const std::string& name, const std::string& help, double value);
  void counter(const std::string& name, const std::string& help, double value);

  // All of them, in the text format of Prometheus, version 0.0.4.
  std::string text() const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace kv::server
