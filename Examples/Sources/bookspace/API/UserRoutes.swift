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

  private struct Changes: Decodable {
    var name: String?
    var email: String?
  }
  private static let hint =
    "name takes at most \(Limits.name) characters, email at most \(Limits.email)"

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.post("users") { request, _ in try await register(request) }
    routes.put("users/:id") { request, context in try await update(context.pathID, request) }
    routes.delete("users/:id") { request, context in
      try await store.deleteUser(Self.own(context.pathID, request))
      return Response(status: .noContent)
    }
    routes.get("users/:id/notifications") { request, context in
      let id = try Self.own(context.pathID, request)
      return Response.json(["notifications": try await store.notifications(of: id)])
    }
  }

  private func register(_ request: Request) async throws -> Response {
    let body = try await request.json(NewUser.self, hint: Self.hint)
    let user = User(
      userId: UUID().uuidString.lowercased(), name: try Checked.text(body.name, field: "name", atMost: Limits.name),
      email: try Self.email(body.email), createdAt: .now)
    try await store.insert(user)
    return .json(user, status: .created)
  }

  private func update(_ id: String, _ request: Request) async throws -> Response {
    let id = try Self.own(id, request)
    let body = try await request.json(Changes.self, hint: Self.hint)
    if body.name == nil, body.email == nil {
      throw APIError.field("name or email", "is missing: send what is to change")
    }
    let name = try body.name.map { try Checked.text($0, field: "name", atMost: Limits.name) }
    return .json(try await store.updateUser(id, name: name, email: try body.email.map(Self.email)))
  }

  /// The id, if it is the caller's.
  private static func own(_ id: String, _ request: Request) throws -> String {
    guard try request.caller() == id else {
      throw APIError.forbidden("x-user-id is not '\(id.prefix(64))': what is a user's is private")
    }
    return id
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
