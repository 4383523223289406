// A public type's conformance to a public protocol is public itself, and so have to be the imports.
public import ArgumentParser
public import Warren

extension QueueName: ExpressibleByArgument {}
extension MessageName: ExpressibleByArgument {}
extension MessageID: ExpressibleByArgument {}
extension ExchangeName: ExpressibleByArgument {}
extension RoutingKey: ExpressibleByArgument {}
extension QueuedMessage.State: ExpressibleByArgument {}
extension DeadLetterReason.Kind: ExpressibleByArgument {
  /// `nil` unless it is one that this version knows.
  public init?(argument: String) {
    self.init(rawValue: argument)
    if !Self.allCases.contains(self) { return nil }
  }
  /// Those that this version knows.
  public static var allValueStrings: [String] { allCases.map(\.rawValue) }
}
