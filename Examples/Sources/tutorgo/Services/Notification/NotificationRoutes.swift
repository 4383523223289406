internal import ExampleSupport
internal import Hummingbird
internal import Mail

/// The notification service. The caller is the header `x-user-id`.
struct NotificationRoutes {
  let store: Store

  private struct NewContact: Decodable {
    var name: String
    var email: String
  }

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.get("users/:id/notifications") { request, context in
      let id = try Self.own(request, context)
      return Response.json(["notifications": try await store.notifications(of: id)])
    }
    routes.put("users/:id") { request, context in
      let id = try Self.own(request, context)
      let body = try await request.json(NewContact.self, upTo: Limits.body, hint: Limits.hint)
      let contact = Contact(
        userId: id, name: try Checked.text(body.name, field: "name", atMost: Limits.name),
        email: try Checked.text(body.email, field: "email", atMost: 254))
      do throws(MailError) { _ = try MailAddress(contact.email, name: contact.name) } catch {
        throw APIError.field("email", "is no mail address: \(error.message)")
      }
      try await store.save(contact)
      return Response.json(contact)
    }
  }

  private static func own(_ request: Request, _ context: BasicRequestContext) throws -> String {
    let id = try context.pathID
    guard try request.caller() == id else {
      throw APIError.forbidden("x-user-id is not '\(id.prefix(64))': notifications and addresses are private")
    }
    return id
  }
}
