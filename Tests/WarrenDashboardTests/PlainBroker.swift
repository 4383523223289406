import BrokerConformance
import Warren
import WarrenTesting

/// A broker that can do what RabbitMQ can: it keeps no operations, shows no messages that wait, and holds no schedules.
struct PlainBroker: ForwardingBroker, InspectableBroker, OperableBroker, DeadLetterBroker {
  let base: TestBroker
}
