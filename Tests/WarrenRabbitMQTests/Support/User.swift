import Foundation
import Testing

/// A user of the test's broker with rights of its own.
struct User: Sendable {
  let name = "u\(UInt32.random(in: 0...UInt32.max))"
  let host: String
  let password: String

  init(
    configure: String, write: String = ".*", read: String = ".*", host: String = "%2F", password: String = "p"
  ) async throws {
    self.host = host
    self.password = password
    _ = try await RealBroker.api(
      "users/\(name)", method: "PUT", body: #"{"password":"\#(password)","tags":"monitoring"}"#)
    try await set(configure: configure, write: write, read: read)
  }

  /// Gives it other rights.
  func set(configure: String, write: String = ".*", read: String = ".*") async throws {
    let rights = ["configure": configure, "write": write, "read": read]
    _ = try await RealBroker.api(
      "permissions/\(host)/\(name)", method: "PUT",
      body: String(decoding: try JSONSerialization.data(withJSONObject: rights), as: UTF8.self))
  }

  /// The first node, as this user.
  var url: String {
    get throws { try #require(RealBroker.urls?[0]).replacing("guest:guest@", with: "\(name):\(password)@") }
  }

  func delete() async throws { _ = try await RealBroker.api("users/\(name)", method: "DELETE") }
}
