public import Hummingbird

/// `GET /health` (the process is alive), `GET /ready` (it can do its work) and `GET /metrics`.
public struct Probes {
  private let readiness: Readiness
  private let metrics: PrometheusMetrics

  /// Probes of one process.
  public init(_ readiness: Readiness, _ metrics: PrometheusMetrics) {
    self.readiness = readiness
    self.metrics = metrics
  }

  /// Adds the three routes.
  public func add<Context: RequestContext>(to router: Router<Context>) {
    router.get("health") { _, _ in Response.json(["status": "ok"]) }
    router.get("ready") { [readiness] _, _ in
      try await readiness.check()
      return Response.json(["status": "ready"])
    }
    router.get("metrics") { [metrics] _, _ in
      Response.text(metrics.text, type: PrometheusMetrics.contentType)
    }
  }
}
