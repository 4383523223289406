internal import Foundation
internal import Warren
internal import WarrenOperations

/// What happened in the last day, as lines.
enum HistoryParts {
  /// All queues together; nothing for a visitor who may see some of them only.
  static func all(_ call: Call) async -> HTML {
    if call.visitor.isLimited { return .empty }
    return card(await call.desk.sampler.history(of: nil), .all, call)
  }

  static func one(_ queue: QueueName, _ call: Call) async -> HTML {
    card(await call.desk.sampler.history(of: queue), .queue, call)
  }

  private static func card(_ samples: [QueueSample]?, _ ring: SampleRing, _ call: Call) -> HTML {
    guard let samples else { return .empty }
    return Parts.card("What happened") {
      if samples.isEmpty {
        Tags.p(.class("muted")) {
          "Nothing is known of the time before now. A dashboard that runs as a service takes a sample every \(ring.interval.words); they are kept for a day."
        }
      } else {
        Tags.div(.class("charts")) {
          throughput(samples, ring, call).html()
          latency(samples, ring, call).html()
        }
      }
    }
  }

  /// Where the lines end: the next sample, so that what is shown changes with the samples only.
  private static func end(_ ring: SampleRing, _ call: Call) -> Date { ring.next(after: call.desk.now) }

  private static func throughput(_ samples: [QueueSample], _ ring: SampleRing, _ call: Call) -> Chart {
    Chart(
      id: "throughput", title: "Messages per second",
      lines: [
        .init(name: "came in") { $0.published }, .init(name: "done with") { $0.completed },
        .init(name: "failed") { $0.failed },
      ],
      unit: { String(format: $0 > 0 && $0 < 10 ? "%.2f" : "%.0f", $0) }, samples: samples, interval: ring.interval,
      now: end(ring, call))
  }

  /// How long the oldest waits; where the engine does not tell, how long what is there takes at the pace of the moment.
  private static func latency(_ samples: [QueueSample], _ ring: SampleRing, _ call: Call) -> Chart {
    let tells = call.desk.operations.broker.capabilities.showsWaitingMessages
    let line =
      tells
      ? Chart.Line(name: "the oldest waits") { $0.oldest }
      : Chart.Line(name: "waiting and running, at the pace of that time") { sample in
        guard let depth = sample.depth, let pace = sample.completed else { return nil }
        return depth == 0 ? 0 : pace > 0 ? Double(depth) / pace : nil
      }
    return Chart(
      id: "latency", title: "How long messages take", lines: [line],
      unit: { $0 < 0.001 ? "0 s" : Duration.clamped(seconds: $0 < 10 ? $0 : $0.rounded()).words }, samples: samples,
      interval: ring.interval, now: end(ring, call))
  }
}
