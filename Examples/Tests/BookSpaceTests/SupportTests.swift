import CoreMetrics
import ExampleSupport
import Foundation
import Logging
import Testing
import Warren
import WarrenConnect

@Suite struct BrokerAddressTests {
  private let data = URL(filePath: "/data")

  private func choose(_ option: String?, _ environment: [String: String] = [:]) throws -> BrokerAddress {
    try .choose(option: option, environment: environment, data: data)
  }

  @Test func theOptionGoesFirstThenTheEnvironmentThenTheFile() throws {
    var environment = [
      "WARREN_BROKER": "sqlite:warren.db", "RABBITMQ_URL": "amqps://url", "RABBITMQ_HOST": "host",
      "RABBITMQ_PORT": "5673", "RABBITMQ_USER": "admin", "RABBITMQ_PASSWORD": "p@ss/word",
    ]
    #expect(try choose("sqlite:option.db", environment) == .sqlite(path: "option.db"))
    #expect(try choose(nil, environment) == .sqlite(path: "warren.db"))
    environment["WARREN_BROKER"] = ""
    #expect(try choose(nil, environment) == .rabbitMQ(url: "amqps://url"))
    environment["RABBITMQ_URL"] = nil
    #expect(try choose(nil, environment) == .rabbitMQ(url: "amqp://admin:p%40ss%2Fword@host:5673"))
    #expect(try choose(nil, ["RABBITMQ_HOST": "host"]) == .rabbitMQ(url: "amqp://host:5672"))
    #expect(try choose(nil) == .sqlite(path: "/data/broker.db"))
  }

  @Test(arguments: ["", "sqlite:", "broker.db", "http://user:secret@host"])
  func whatIsNoLocationIsRefusedWithoutShowingIt(_ text: String) {
    let error = #expect(throws: BrokerError.self) { try choose(text) }
    #expect(error?.description.contains("--broker") == true)
    #expect(error?.description.contains("secret") == false)
  }
}

@Suite struct PrometheusMetricsTests {
  @Test func writesTheTextFormat() {
    let metrics = PrometheusMetrics()
    for _ in 1...2 {
      metrics.makeCounter(label: "hb.requests", dimensions: [("http.route", "/a\"b\\\n")]).increment(by: 2)
    }
    metrics.makeRecorder(label: "depth", dimensions: [], aggregate: false).record(Int64(7))
    metrics.makeRecorder(label: "depth", dimensions: [], aggregate: false).record(2.5)
    metrics.makeTimer(label: "took", dimensions: [("queue", "q")]).recordNanoseconds(30_000_000)
    let lines = metrics.text.split(separator: "\n")
    #expect(lines.starts(with: ["# TYPE depth gauge", "depth 2.5", "# TYPE hb_requests counter"]))
    #expect(lines.contains(#"hb_requests{http_route="/a\"b\\\n"} 4"#))
    #expect(lines.contains("# TYPE took_seconds histogram"))
    #expect(lines.contains(#"took_seconds_bucket{queue="q",le="0.025"} 0"#))
    #expect(lines.contains(#"took_seconds_bucket{queue="q",le="0.05"} 1"#))
    #expect(lines.contains(#"took_seconds_bucket{queue="q",le="+Inf"} 1"#))
    #expect(lines.contains(#"took_seconds_sum{queue="q"} 0.03"#))
    #expect(lines.contains(#"took_seconds_count{queue="q"} 1"#))
  }
}
