internal import AMQP
internal import Foundation
internal import NIOCore
internal import Warren

extension AMQPDelivery {
  /// The properties of a copy of this message, with what of its history fits beside them; `nil` when its own headers leave
  /// no room at all.
  func propertiesOfFittingCopy(_ history: History, route: Route) -> AMQPProperties? {
    let bare = propertiesOfCopy(History(), route: route)
    return HeaderBudget.fit(history, into: bare).map { propertiesOfCopy($0.history, route: route) }
  }

  /// The properties of a copy of this message: all that its publisher set, headers with their AMQP types, without what the
  /// broker or Warren added, and with this history.
  ///
  /// An expiration would let the copy out of a delay bucket early, and a user id is refused unless it is our own login.
  func propertiesOfCopy(_ history: History, route: Route) -> AMQPProperties {
    var properties = properties
    properties.expiration = nil
    properties.userID = nil
    properties.deliveryMode = .persistent
    var headers = properties.headers ?? [:]
    let kept = [HeaderNames.publishedAt, HeaderNames.cause, HeaderNames.expiresAt]
    headers.removeAll { HeaderNames.isReserved($0) && !kept.contains($0) }
    history.write(to: &headers)
    route.write(to: &headers)
    properties.headers = headers
    return properties
  }

  /// Times that the broker handed the message out without an outcome. The count is believed only on a redelivery, since
  /// from 4.0 on a publisher can send one; and not on a dead letter, where it counts the looks of operators. Where a nack
  /// counts, Warren never nacks, so what is left are deaths.
  var deliveriesWithoutOutcome: Int {
    guard redelivered, headers[HeaderNames.origin] == nil, Death(headers) == nil else { return 0 }
    return max(0, Int(clamping: headers["x-delivery-count"]?.integer ?? 0))
  }
}
