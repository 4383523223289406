internal import ExampleSupport
internal import Foundation
internal import Hummingbird

/// Commenting on documents.
struct CommentRoutes {
  let store: Store

  private struct NewComment: Decodable {
    var content: String
  }

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.post("docs/:id/comments") { request, context in
      try await create(on: context.pathID, request)
    }
    routes.get("docs/:id/comments") { request, context in
      _ = try request.caller()
      return Response.json(["comments": try await store.comments(on: context.pathID)])
    }
    routes.delete("docs/:id/comments/:comment") { request, context in
      let comment = try context.parameters.require("comment")
      try await store.deleteComment(comment, on: context.pathID, by: request.caller())
      return Response(status: .noContent)
    }
  }

  private func create(on id: String, _ request: Request) async throws -> Response {
    let caller = try request.caller()
    let body = try await request.json(
      NewComment.self, hint: "content takes at most \(Limits.comment) characters")
    if body.content.allSatisfy(\.isWhitespace) { throw APIError.field("content", "must not be blank") }
    let comment = Comment(
      commentId: UUID().uuidString.lowercased(), documentId: id,
      content: try Checked.lines(body.content, field: "content", atMost: Limits.comment), createdBy: caller,
      createdAt: .now)
    try await store.insert(comment)
    return .json(comment, status: .created)
  }
}
