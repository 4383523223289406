internal import AMQP
internal import Foundation
internal import Warren

extension History {
  /// What the headers of a delivery tell. `deliveries` are the times that the broker handed the message out without an outcome.
  init(_ headers: AMQPTable, deliveries: Int) {
    func number(_ name: String) -> Int { max(0, Int(clamping: headers[name]?.integer ?? 0)) }
    self.init(
      attempts: number(HeaderNames.attempts), interruptions: number(HeaderNames.interruptions) + deliveries,
      failures: Self.failures(headers[HeaderNames.failures]?.string), replays: number(HeaderNames.replays))
  }

  /// Puts it into headers; nothing for what is zero.
  func write(to headers: inout AMQPTable) {
    func write(_ number: Int, _ name: String) { headers[name] = number == 0 ? nil : .int64(Int64(number)) }
    write(attempts, HeaderNames.attempts)
    write(interruptions, HeaderNames.interruptions)
    write(replays, HeaderNames.replays)
    headers[HeaderNames.failures] = failures.isEmpty ? nil : .string(Self.text(failures))
  }

  /// A failure as it travels: short names, since a header frame cannot be split.
  private struct Record: Codable {
    var t: Int64
    var a: Int
    var e: String
    var m: String
    var w: String
  }

  private static func text(_ failures: [Failure]) -> String {
    let records = failures.suffix(failuresKept).map {
      Record(t: $0.time.milliseconds, a: $0.attempt, e: $0.error, m: $0.message, w: String($0.worker.prefix(255)))
    }
    let data = (try? JSONEncoder().encode(records)) ?? Data("[]".utf8)
    return String(decoding: data, as: UTF8.self)
  }

  private static func failures(_ text: String?) -> [Failure] {
    guard let text, let records = try? JSONDecoder().decode([Record].self, from: Data(text.utf8)) else { return [] }
    return records.map {
      Failure(time: Date(milliseconds: $0.t), attempt: $0.a, error: $0.e, message: $0.m, worker: $0.w)
    }
  }
}
