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

  /// The properties of an edited copy: what was edited changes, and nothing else. Headers keep their AMQP types, null, tables and
  /// arrays; properties that Warren does not know stay.
  func propertiesOfEdit(_ edited: Message, route: Route) -> AMQPProperties {
    let before = Message(deadLetter: self)
    let wanted = edited.properties(now: nil)
    var properties = propertiesOfCopy(History(), route: route)
    properties.messageID = wanted.messageID
    if edited.contentType != before.contentType { properties.contentType = wanted.contentType }
    if edited.contentEncoding != before.contentEncoding { properties.contentEncoding = wanted.contentEncoding }
    if edited.priority != before.priority { properties.priority = wanted.priority }
    if edited.correlationID != before.correlationID { properties.correlationID = wanted.correlationID }
    if edited.name != before.name { properties.type = wanted.type }
    if edited.source != before.source { properties.appID = wanted.appID }
    var headers = properties.headers ?? [:]
    if edited.timestamp != before.timestamp {
      properties.timestamp = wanted.timestamp
      headers[HeaderNames.publishedAt] = wanted.headers?[HeaderNames.publishedAt]
    }
    if edited.expiresAt != before.expiresAt {
      headers[HeaderNames.expiresAt] = wanted.headers?[HeaderNames.expiresAt]
    }
    if edited.causationID != before.causationID { headers[HeaderNames.cause] = wanted.headers?[HeaderNames.cause] }
    headers.removeAll { !HeaderNames.isReserved($0) && edited.headers[$0] == nil }
    for (name, value) in edited.headers where before.headers[name] != value && !HeaderNames.isReserved(name) {
      headers[name] = headers[name]?.changed(to: value) ?? .string(value)
    }
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
