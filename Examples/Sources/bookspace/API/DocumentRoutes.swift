internal import ExampleSupport
internal import Foundation
internal import Hummingbird

/// Writing, changing, reading and finding documents.
struct DocumentRoutes {
  let store: Store

  private struct NewDocument: Decodable {
    var title: String
    var content: String
    var tags: [String]?
  }
  private struct Changes: Decodable {
    var title: String?
    var content: String?
    var tags: [String]?
  }
  private static let hint =
    "title takes at most \(Limits.title) characters, content at most \(Limits.content)"

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.post("docs") { request, _ in try await create(request) }
    routes.get("docs") { request, _ in try await list(request) }
    routes.get("docs/search") { request, _ in try await search(request) }
    routes.get("docs/:id") { request, context in
      _ = try request.caller()
      return Response.json(try await store.document(context.pathID))
    }
    routes.get("docs/:id/versions") { request, context in
      _ = try request.caller()
      return Response.json(["versions": try await store.versions(of: context.pathID)])
    }
    routes.put("docs/:id") { request, context in try await update(context.pathID, request) }
    routes.delete("docs/:id") { request, context in
      try await store.delete(context.pathID, by: request.caller())
      return Response(status: .noContent)
    }
  }

  private func create(_ request: Request) async throws -> Response {
    let caller = try request.caller()
    let body = try await request.json(NewDocument.self, hint: Self.hint)
    let now = Date.now
    let document = Document(
      documentId: UUID().uuidString.lowercased(), title: try Self.title(body.title),
      content: try Self.content(body.content), tags: try Self.tags(body.tags ?? []), createdBy: caller,
      createdAt: now, updatedAt: now)
    try await store.insert(document)
    return .json(document, status: .created)
  }

  private func update(_ id: String, _ request: Request) async throws -> Response {
    let caller = try request.caller()
    let body = try await request.json(Changes.self, hint: Self.hint)
    if body.title == nil, body.content == nil, body.tags == nil {
      throw APIError.field("title, content or tags", "is missing: send what is to change")
    }
    let title = try body.title.map(Self.title)
    let content = try body.content.map(Self.content)
    let tags = try body.tags.map(Self.tags)
    let document = try await store.update(id, by: caller) { document in
      document.title = title ?? document.title
      document.content = content ?? document.content
      document.tags = tags ?? document.tags
      document.updatedAt = .now
    }
    return .json(document)
  }

  private func list(_ request: Request) async throws -> Response {
    struct Page: Encodable {
      var documents: [Document]
      var page: Int
      var limit: Int
      var total: Int
    }
    _ = try request.caller()
    let page = try Checked.number(request.query("page") ?? "1", field: "page", in: 1...100_000)
    let limit = try Checked.number(request.query("limit") ?? "20", field: "limit", in: 1...100)
    let found = try await store.documents(
      tag: request.query("tag"), author: request.query("author"), page: page, limit: limit)
    return .json(Page(documents: found.documents, page: page, limit: limit, total: found.total))
  }

  private func search(_ request: Request) async throws -> Response {
    struct Found: Encodable {
      var query: String
      var documents: [Document]
    }
    _ = try request.caller()
    let query = try Checked.text(request.query("q"), field: "q", atMost: 200)
    return .json(Found(query: query, documents: try await store.search(query, limit: 50)))
  }

  private static func title(_ text: String) throws -> String {
    try Checked.text(text, field: "title", atMost: Limits.title)
  }
  private static func content(_ text: String) throws -> String {
    if text.allSatisfy(\.isWhitespace) { throw APIError.field("content", "must not be blank") }
    return try Checked.lines(text, field: "content", atMost: Limits.content)
  }
  private static func tags(_ texts: [String]) throws -> [String] {
    try Checked.list(texts, field: "tags", atMost: Limits.tags, each: Limits.tag)
  }
}
