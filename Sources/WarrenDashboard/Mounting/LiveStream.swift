internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import Synchronization

/// How many streams are open.
final class StreamLimit: Sendable {
  private let most: Int
  private let open = Atomic(0)

  init(most: Int) { self.most = most }

  func enter() -> Bool {
    if open.add(1, ordering: .relaxed).newValue <= most { return true }
    leave()
    return false
  }
  func leave() { open.subtract(1, ordering: .relaxed) }
}

/// Server-sent events with the regions of a page that have changed. Nothing is queued: the next look is taken when the last
/// one has been written, so a viewer that reads slowly costs one page of memory.
struct LiveStream: Sendable {
  let page: LivePage
  let limit: StreamLimit
  let logger: Logger
  /// How often a page is looked at again.
  var interval: Duration = .seconds(2)
  /// Then the browser connects again, and it is checked again who asks.
  static let lifetime: Duration = .seconds(300)

  var body: ResponseBody {
    ResponseBody { writer in
      defer { limit.leave() }
      try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
      let end = ContinuousClock.now + Self.lifetime
      var sent: [String: HTML] = [:]
      while ContinuousClock.now < end, !Task.isCancelled, !Task.isShuttingDownGracefully {
        if let text = await changes(&sent) { try await writer.write(ByteBuffer(string: text)) }
        // The pace at which a viewer sees changes; a shutdown does not wait for it.
        try await cancelWhenGracefulShutdown { try await Task.sleep(for: interval) }
      }
      try await writer.finish(nil)
    }
  }

  /// The events for what differs from what was sent; `nil` while the broker cannot be looked at.
  func changes(_ sent: inout [String: HTML]) async -> String? {
    let call = page.call
    var fields = call.fields
    fields.remove("page")
    var now = Call(
      desk: call.desk, visitor: call.visitor, prefix: call.prefix, path: call.fields["page"] ?? "", fields: fields,
      token: call.token, nonce: call.nonce, now: call.desk.now)
    now.isStream = true
    guard let shown = try? await page.render(now) else { return ": the broker cannot be looked at\n\n" }
    var text = ""
    for region in shown.regions where sent[region.id] != region.content {
      sent[region.id] = region.content
      text += event("region", ["id": "region-\(region.id)", "html": region.content.markup])
    }
    return text + event("time", ["iso": Show.iso(now.now), "text": Show.text(now.now)])
  }

  private func event(_ name: String, _ fields: [String: String]) -> String {
    guard let data = try? JSONEncoder().encode(fields) else { return "" }
    return "event: \(name)\ndata: \(String(decoding: data, as: UTF8.self))\n\n"
  }
}
