/// A handler for messages of one type: inside a ``Subscription`` for an event, directly in a ``Worker`` for a job.
///
/// A queue has one handler for a type: several effects are several queues.
public struct On<M: TypedMessage>: Sendable {
  private let handle: @Sendable (M, HandlerContext) async throws -> Void
  var settings = QueueSettings()
  var breaker: BreakerPlan?

  /// A setting of the queue that it has, and that belongs behind the subscription if it is in one.
  var queueSetting: String? {
    if settings.concurrency != nil { return "concurrency" }
    if settings.prefetch != nil { return "prefetch" }
    return breaker == nil ? nil : "breaker"
  }

  /// Handles messages of this type. Returning completes the message; throwing is judged by the ``RetryPolicy``.
  public init(_ type: M.Type, _ handle: @escaping @Sendable (M, HandlerContext) async throws -> Void) {
    self.handle = handle
  }

  func handler(codec: any MessageCodec, retry: RetryPolicy, timeout: Duration?) -> Handler {
    let handle = handle
    return Handler(
      name: M.name, routingPattern: (M.self as? any EventMessage.Type)?.routingPattern, retry: retry, timeout: timeout
    ) { message in
      let content: M
      do {
        content = try codec.decode(M.self, from: message)
      } catch {
        throw Undecodable(
          name: M.name, error: error, hint: BodyHint.text(for: message),
          mismatch: BodyHint.mismatch(of: message, with: codec, error))
      }
      return { context in try await handle(content, context) }
    }
  }
}

/// A handler for every message of a ``Subscription`` that no ``On`` there takes: what has no type of ours.
public struct OnAny: Sendable {
  let handle: @Sendable (Message, HandlerContext) async throws -> Void

  /// Handles whatever no other handler of the subscription takes.
  public init(_ handle: @escaping @Sendable (Message, HandlerContext) async throws -> Void) { self.handle = handle }
}

/// The body of a message is not what its name says.
struct Undecodable: Error, CustomStringConvertible {
  var name: MessageName
  var error: any Error
  /// What the body is instead.
  var hint: String?
  /// Which codec the body is for, where that is another one.
  var mismatch: String?
  var description: String { reason + (mismatch.map { ": \($0)" } ?? "") }
  private var reason: String {
    // What the decoder says of a place in the body is better than what the body looks like as a whole.
    if let hint, case .dataCorrupted(let context)? = error as? DecodingError, context.codingPath.isEmpty {
      return "'\(name)': \(hint)"
    }
    return switch error as? DecodingError {
    case .keyNotFound(let key, let context)?: "'\(name)' has no '\(path(context, key))'"
    case .typeMismatch(_, let context)?, .valueNotFound(_, let context)?, .dataCorrupted(let context)?:
      "'\(name)' at '\(path(context))': \(context.debugDescription)"
    default: "'\(name)': \(error)"
    }
  }
  private func path(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
    (context.codingPath + (last.map { [$0] } ?? [])).map(\.stringValue).joined(separator: ".")
  }
}

/// A handler whose type is forgotten: it decodes first, then handles, so that the two can fail in different ways.
struct Handler: Sendable {
  /// `nil` for ``OnAny``.
  var name: MessageName?
  /// What the routing keys of its events look like; `nil` for jobs and for ``OnAny``.
  var routingPattern: RoutingKey?
  var retry: RetryPolicy
  var timeout: Duration?
  var decode: @Sendable (Message) throws -> @Sendable (HandlerContext) async throws -> Void
}
