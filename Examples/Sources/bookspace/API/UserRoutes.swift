internal import ExampleSupport
internal import Foundation
internal import Hummingbird

/// Registering, and reading one's notifications.
struct UserRoutes {
  let store: Store

  private struct NewUser: Decodable {
    var name: String
    var email: String
  }

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.post("users") { request, _ in try await register(request) }
    routes.get("users/:id/notifications") { request, context in
      let id = try context.pathID
      guard try request.caller() == id else {
        throw APIError.forbidden("x-user-id is not '\(id.prefix(64))': notifications are private")
      }
      return Response.json(["notifications": try await store.notifications(of: id)])
    }
  }

  private func register(_ request: Request) async throws -> Response {
    let body = try await request.json(
      NewUser.self, hint: "name takes at most \(Limits.name) characters, email at most \(Limits.email)")
    let user = User(
      userId: UUID().uuidString.lowercased(), name: try Checked.text(body.name, field: "name", atMost: Limits.name),
      email: try Self.email(body.email), createdAt: .now)
    try await store.insert(user)
    return .json(user, status: .created)
  }

  private static func email(_ text: String) throws -> String {
    let email = try Checked.text(text, field: "email", atMost: Limits.email)
    // Only a mail server knows whether an address exists; this finds what cannot be one.
    guard email.wholeMatch(of: /[^@\s]+@[^@\s.]+(\.[^@\s.]+)+/) != nil else {
      throw APIError.field("email", "is no mail address: send one like ada@example.org")
    }
    return email.lowercased()
  }
}
