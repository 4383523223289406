/// Something that sees every message on its way out or in.
///
/// Outgoing middleware runs in the order given, incoming in the reverse order, so that what was packed last is unpacked
/// first. Both directions have a default that lets everything pass.
///
/// ```swift
/// struct Signing: Middleware {
///   func publishing(_ publication: inout Publication) throws {
///     publication.message.headers["signature"] = sign(publication.message.body)
///   }
///   func handling(_ delivery: Delivery, next: @Sendable (Delivery) async throws -> Void) async throws {
///     guard delivery.message.headers["signature"] == sign(delivery.message.body) else {
///       throw Outcome.deadLetter("the signature is wrong")
///     }
///     try await next(delivery)
///   }
/// }
/// ```
public protocol Middleware: Sendable {
  /// May change a message before it is published. It cannot wait, because it also runs inside database transactions.
  /// What it throws is thrown to the publisher, and nothing is published.
  func publishing(_ publication: inout Publication) throws
  /// Handles a delivery by calling `next`, with the delivery or a changed one. What it throws is judged as an error of the
  /// handler is.
  func handling(_ delivery: Delivery, next: @Sendable (Delivery) async throws -> Void) async throws
}

extension Middleware {
  /// Lets the message pass.
  public func publishing(_ publication: inout Publication) throws {}
  /// Lets the delivery pass.
  public func handling(_ delivery: Delivery, next: @Sendable (Delivery) async throws -> Void) async throws {
    try await next(delivery)
  }
}

extension [any Middleware] {
  /// Runs the delivery through all of them, the last first, and then through `handler`.
  func handle(
    _ delivery: Delivery, _ handler: @escaping @Sendable (Delivery) async throws -> Void
  ) async throws {
    guard let outermost = last else { return try await handler(delivery) }
    let rest = Array(dropLast())
    try await outermost.handling(delivery) { delivery in try await rest.handle(delivery, handler) }
  }
}
