// A public type's conformance to a public protocol is public itself, and so have to be the imports.
public import ArgumentParser
public import Warren

extension QueueName: ExpressibleByArgument {}
extension MessageName: ExpressibleByArgument {}
extension MessageID: ExpressibleByArgument {}
extension ExchangeName: ExpressibleByArgument {}
extension RoutingKey: ExpressibleByArgument {}
extension DeadLetterReason.Kind: ExpressibleByArgument {}
