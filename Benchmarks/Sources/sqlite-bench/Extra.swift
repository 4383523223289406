internal import ArgumentParser
internal import CoreMetrics
internal import Telemetry
internal import Tracing
internal import Warren

/// What an application can turn on, measured against nothing of it.
enum Extra: String, ExpressibleByArgument, CaseIterable, Sendable {
  case nothing, breaker, tracing, metrics, compression, all
  /// Each message carries its trace, but no span is recorded, as where a sampler leaves it out.
  case unsampled

  private func includes(_ other: Extra) -> Bool { self == other || self == .all }

  /// Installs what a process has once.
  func install() {
    if self == .unsampled { InstrumentationSystem.bootstrap(HeaderTracer()) }
    if includes(.tracing) { InstrumentationSystem.bootstrap(HeaderTracer(records: true)) }
    if includes(.metrics) { MetricsSystem.bootstrap(CountingMetrics()) }
  }

  /// Packs what is larger than all that is published here.
  var compression: Compression { includes(.compression) ? .gzip(above: 1024) : .none }

  func added<M: TypedMessage>(to handler: On<M>) -> On<M> {
    includes(.breaker) ? handler.breaker("bench") : handler
  }

  /// How many spans were begun and values recorded: what shows that it was on.
  var records: Int { Int(HeaderTracer.spans) + CountingMetrics.records }
}
