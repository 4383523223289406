import Foundation
import HTTPTypes
import Testing
import Warren
import WarrenGRDB

@testable import bookspace

@Suite struct RouteTests {
  @Test func aDocumentIsWrittenChangedAndRead() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let created = try await client.send(
          .post, "/v1/docs", #"{"title":" API Guide ","content":"REST","tags":["api","guide","api"]}"#)
        #expect(created.status == .created)
        let id = try #require(created.json["documentId"] as? String)
        #expect(created.json["title"] as? String == "API Guide")
        #expect(created.json["tags"] as? [String] == ["api", "guide"])
        #expect(created.json["createdBy"] as? String == "user123")
        let time = try #require(created.json["createdAt"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil)

        let changed = try await client.send(.put, "/v1/docs/\(id)", #"{"content":"Better","tags":[]}"#)
        #expect(changed.status == .ok)
        let read = try await client.send(.get, "/v1/docs/\(id)", as: "another")
        #expect(read.json["title"] as? String == "API Guide")
        #expect(read.json["content"] as? String == "Better")
        #expect(read.json["tags"] as? [String] == [])
      }
    }
  }

  @Test func eachChangePublishesItsEvent() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let id = try await client.write()
        try await client.send(.put, "/v1/docs/\(id)", #"{"title":"Guide"}"#)
        try await client.send(.post, "/v1/docs/\(id)/comments", #"{"content":"Good"}"#, as: "reader")
        try await client.send(.post, "/v1/users", #"{"name":"Ada","email":"ada@example.org"}"#, as: nil)
      }
      let messages = stage.broker.publications.map(\.message)
      #expect(
        messages.map(\.name) == ["document.created", "document.updated", "comment.added", "user.registered"])
      #expect(
        stage.broker.publications.map(\.destination)
          == messages.map { .exchange("bookspace.events", RoutingKey($0.name?.rawValue ?? "")) })
      let body = try #require(JSONSerialization.jsonObject(with: messages[0].body) as? [String: Any])
      #expect(Set(body.keys) == ["type", "timestamp", "data"])
      #expect(body["type"] as? String == "document.created")
      let data = try #require(body["data"] as? [String: Any])
      #expect(Set(data.keys) == ["documentId", "title", "createdBy", "tags"])
    }
  }

  @Test func aDocumentKeepsItsVersionsUntilItIsDeleted() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let id = try await client.write()
        try await client.send(.put, "/v1/docs/\(id)", #"{"title":"Second"}"#)
        let third = try await client.send(.put, "/v1/docs/\(id)", #"{"title":"Third"}"#)
        #expect(third.json["version"] as? Int == 3)
        let versions = try await client.send(.get, "/v1/docs/\(id)/versions").list("versions")
        #expect(versions.map { $0["title"] as? String } == ["Second", "API Guide"])

        #expect(try await client.send(.delete, "/v1/docs/\(id)", as: "another").status == .forbidden)
        #expect(try await client.send(.delete, "/v1/docs/\(id)").status == .noContent)
        for path in ["/v1/docs/\(id)", "/v1/docs/\(id)/versions", "/v1/docs/\(id)/comments"] {
          #expect(try await client.send(.get, path).status == .notFound)
        }
        #expect(try await client.send(.delete, "/v1/docs/\(id)").status == .notFound)
      }
      #expect(stage.broker.publications.last?.message.name == "document.deleted")
    }
  }

  @Test func documentsAreListedByPageTagAndAuthor() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        for number in 1...5 {
          let tags = number.isMultiple(of: 2) ? #"["even","all"]"# : #"["all"]"#
          try await client.send(
            .post, "/v1/docs", #"{"title":"\#(number)","content":"C","tags":\#(tags)}"#,
            as: number == 5 ? "other" : "user123")
        }
        func titles(_ query: String) async throws -> [String] {
          try await client.send(.get, "/v1/docs?\(query)").list("documents").compactMap { $0["title"] as? String }
        }
        #expect(try await titles("limit=2") == ["5", "4"])
        #expect(try await titles("limit=2&page=3") == ["1"])
        #expect(try await titles("tag=even") == ["4", "2"])
        #expect(try await titles("tag=even'%20OR%201") == [])
        #expect(try await titles("author=other&tag=all") == ["5"])
        #expect(try await client.send(.get, "/v1/docs?tag=all&limit=1").json["total"] as? Int == 5)
        for query in ["page=0", "page=x", "limit=101", "limit=-1"] {
          #expect(try await client.send(.get, "/v1/docs?\(query)").status == .badRequest)
        }
      }
    }
  }

  @Test func aUserChangesAndLeaves() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let user = try await client.send(.post, "/v1/users", #"{"name":"Ada","email":"ada@example.org"}"#, as: nil)
        try await client.send(.post, "/v1/users", #"{"name":"Ben","email":"ben@example.org"}"#, as: nil)
        let id = try #require(user.json["userId"] as? String)
        let path = "/v1/users/\(id)"
        #expect(try await client.send(.put, path, #"{"name":"Ada L."}"#, as: id).json["name"] as? String == "Ada L.")
        #expect(try await client.send(.put, path, #"{"email":"BEN@example.org"}"#, as: id).status == .conflict)
        #expect(try await client.send(.put, path, "{}", as: id).status == .badRequest)
        #expect(try await client.send(.put, path, #"{"name":"Eve"}"#, as: "spy").status == .forbidden)
        #expect(try await client.send(.delete, path, as: "spy").status == .forbidden)
        #expect(try await client.send(.delete, path, as: id).status == .noContent)
        #expect(try await client.send(.delete, path, as: id).status == .notFound)
      }
      let names = stage.broker.publications.map(\.message.name)
      #expect(names == ["user.registered", "user.registered", "user.updated", "user.deleted"])
    }
  }

  @Test func aCommentIsDeletedByItsAuthorOrTheDocuments() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let id = try await client.write()
        for deleter in ["reader", "user123"] {
          let comment = try await client.send(.post, "/v1/docs/\(id)/comments", #"{"content":"Good"}"#, as: "reader")
          let path = "/v1/docs/\(id)/comments/\(try #require(comment.json["commentId"] as? String))"
          #expect(try await client.send(.delete, path, as: "another").status == .forbidden)
          #expect(try await client.send(.delete, path, as: deleter).status == .noContent)
          #expect(try await client.send(.delete, path, as: deleter).status == .notFound)
        }
      }
      #expect(stage.broker.publications.last?.message.name == "comment.deleted")
    }
  }

  @Test func commentsAreWrittenAndRead() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let id = try await client.write()
        let comment = try await client.send(
          .post, "/v1/docs/\(id)/comments", #"{"content":"Good\nindeed"}"#, as: "reader")
        #expect(comment.status == .created)
        #expect(comment.json["documentId"] as? String == id)
        #expect(comment.json["createdBy"] as? String == "reader")
        let all = try await client.send(.get, "/v1/docs/\(id)/comments").list("comments")
        #expect(all.map { $0["content"] as? String } == ["Good\nindeed"])
      }
    }
  }

  @Test func anAddressRegistersOnce() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let body = #"{"name":"Ada","email":"Ada@Example.org"}"#
        let first = try await client.send(.post, "/v1/users", body, as: nil)
        #expect(first.status == .created)
        #expect(first.json["userId"] is String)
        let second = try await client.send(.post, "/v1/users", body, as: nil)
        #expect(second.status == .conflict)
        #expect(second.message.contains("email"))
      }
      #expect(stage.broker.publications.count == 1)
    }
  }

  @Test func notificationsArePrivate() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let own = try await client.send(.get, "/v1/users/user123/notifications")
        #expect(own.status == .ok)
        let spied = try await client.send(.get, "/v1/users/user123/notifications", as: "spy")
        #expect(spied.status == .forbidden)
      }
    }
  }

  @Test func anIDInAPathIsDecoded() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let own = try await client.send(.get, "/v1/users/user%20one/notifications", as: "user one")
        #expect(own.status == .ok)
      }
    }
  }

  @Test func onlyTheAuthorChangesADocument() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let id = try await client.write()
        let answer = try await client.send(.put, "/v1/docs/\(id)", #"{"title":"Mine"}"#, as: "another")
        #expect(answer.status == .forbidden)
        #expect(try await client.send(.get, "/v1/docs/\(id)").json["title"] as? String == "API Guide")
      }
      #expect(stage.broker.publications.count == 1)
    }
  }

  @Test("What is saved while the broker is away is answered with success, and its events go out when it is back")
  func brokerAway() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let id = try await client.write()
        try await stage.relayed()
        stage.broker.refuse(with: BrokerError(.unavailable, "away"))
        for (method, path, body) in [
          (HTTPRequest.Method.post, "/v1/docs", #"{"title":"T","content":"C"}"#),
          (.put, "/v1/docs/\(id)", #"{"title":"New"}"#),
          (.post, "/v1/docs/\(id)/comments", #"{"content":"C"}"#),
          (.post, "/v1/users", #"{"name":"Ada","email":"ada@example.org"}"#),
        ] {
          let answer = try await client.send(method, path, body)
          #expect(answer.status == (method == .put ? .ok : .created), "\(answer.text)")
        }
        #expect(stage.broker.publications.count == 1)
        stage.broker.refuse(with: nil)
        try await stage.relayed()
        #expect(
          stage.broker.publications.map(\.message.name)
            == ["document.created", "document.created", "document.updated", "comment.added", "user.registered"])
      }
    }
  }

  @Test func whatIsRefusedLeavesNoEvent() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        for _ in 1...2 {
          try await client.send(.post, "/v1/users", #"{"name":"Ada","email":"ada@example.org"}"#, as: nil)
        }
        try await client.send(.put, "/v1/docs/none", #"{"title":"T"}"#)
        try await client.send(.post, "/v1/docs/none/comments", #"{"content":"C"}"#)
      }
      #expect(stage.broker.publications.map(\.message.name) == ["user.registered"])
    }
  }

  @Test func nothingIsServedBeforeTheTopologyStands() async throws {
    try await Stage.set { stage in
      try await stage.api(isReady: false) { client in
        #expect(try await client.send(.get, "/health").status == .ok)
        #expect(try await client.send(.get, "/ready").status == .serviceUnavailable)
        let answer = try await client.send(.post, "/v1/docs", #"{"title":"Early"}"#)
        #expect(answer.status == .serviceUnavailable)
        #expect(answer.code == "not_ready")
      }
      try await stage.api { client in
        let ready = try await client.send(.get, "/ready")
        #expect(ready.status == .ok)
      }
    }
  }
}
