import Foundation
import HTTPTypes
import Logging
import Testing
import Warren
import WarrenGRDB

@testable import bookspace

@Suite struct HandlerTests {
  @Test func eachEventNotifiesIndexesAndCounts() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let id = try await client.write()
        try await stage.worker { settlements in
          _ = await settlements.next()
          try await client.send(.put, "/v1/docs/\(id)", #"{"content":"Richardson maturity"}"#)
          try await client.send(.post, "/v1/docs/\(id)/comments", #"{"content":"Good"}"#, as: "reader")
          try await client.send(.post, "/v1/docs/\(id)/comments", #"{"content":"Thanks"}"#)
          try await client.send(.post, "/v1/users", #"{"name":"Ada","email":"ada@example.org"}"#)
          for _ in 1...4 {
            guard case .complete? = await settlements.next() else {
              Issue.record("an event was not completed")
              return
            }
          }
        }
        let told = try await client.send(.get, "/v1/users/user123/notifications").list("notifications")
        #expect(
          Set(told.compactMap { $0["message"] as? String }) == [
            "Your document 'API Guide' has been created", "Your document 'API Guide' has been updated",
            "reader commented on your document 'API Guide'",
          ])
        let counts = try await client.send(.get, "/v1/stats").list("counts")
        #expect(counts.first { $0["event"] as? String == "comment.added" }?["count"] as? Int == 2)
        #expect(counts.count == 4)
      }
    }
  }

  @Test func whatIsDeletedIsFoundNoMore() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let id = try await client.write()
        try await stage.worker { settlements in
          _ = await settlements.next()
          try await client.send(.delete, "/v1/docs/\(id)")
          _ = await settlements.next()
          // An event about it that comes late does not bring it back.
          try await stage.publish(DocumentUpdated(documentId: id, title: "API Guide", updatedBy: "user123", tags: []))
          _ = await settlements.next()
          #expect(try await client.send(.get, "/v1/docs/search?q=guide").list("documents").isEmpty)
          let told = try await client.send(.get, "/v1/users/user123/notifications").list("notifications")
          #expect(told.contains { $0["message"] as? String == "Your document 'API Guide' has been deleted" })
          try await stage.publish(UserDeleted(userId: "user123"))
          _ = await settlements.next()
        }
        #expect(try await client.send(.get, "/v1/users/user123/notifications").list("notifications").isEmpty)
      }
    }
  }

  @Test(arguments: ["maturity", "RICH", "api guide", "tagged", "\"rich\" OR", "richardson*"])
  func documentsAreFound(by query: String) async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let body = #"{"title":"API Guide","content":"Richardson or maturity","tags":["tagged"]}"#
        try await client.send(.post, "/v1/docs", body)
        try await stage.worker { settlements in _ = await settlements.next() }
        let encoded = try #require(query.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        let found = try await client.send(.get, "/v1/docs/search?q=\(encoded)")
        #expect(found.list("documents").map { $0["title"] as? String } == ["API Guide"])
      }
    }
  }

  @Test(arguments: ["absent", "'; DROP TABLE documents; --", "NEAR(", "*", "-"])
  func whatMatchesNothingIsNoError(_ query: String) async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        _ = try await client.write()
        try await stage.worker { settlements in _ = await settlements.next() }
        let encoded = try #require(query.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        let found = try await client.send(.get, "/v1/docs/search?q=\(encoded)")
        #expect(found.status == .ok)
        #expect(found.list("documents").isEmpty)
      }
    }
  }

  @Test func aRedeliveredEventChangesNothing() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        _ = try await client.write()
        try await stage.relayed()
        let message = stage.broker.publications[0].message
        try await stage.worker { settlements in
          _ = await settlements.next()
          for _ in 1...3 {
            stage.broker.redeliver(message)
            guard case .complete? = await settlements.next() else {
              Issue.record("a repeat was not completed")
              return
            }
          }
        }
        #expect(try await client.send(.get, "/v1/users/user123/notifications").list("notifications").count == 1)
        #expect(try await client.send(.get, "/v1/stats").list("counts")[0]["count"] as? Int == 1)
        #expect(try await client.send(.get, "/v1/docs/search?q=guide").list("documents").count == 1)
      }
    }
  }

  @Test func aHandlerThatFailedHalfWayIsContinued() async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let fault = stage.data.appending(path: "fail.document.created")
        try Data().write(to: fault)
        _ = try await client.write()
        try await stage.relayed()
        let message = stage.broker.publications[0].message
        try await stage.worker { settlements in
          guard case .retry(_, let history)? = await settlements.next() else {
            Issue.record("the failure was not retried")
            return
          }
          #expect(history.failures.map(\.error) == ["DeliberateFailure"])
          #expect(try await client.send(.get, "/v1/docs/search?q=guide").list("documents").isEmpty)
          try FileManager.default.removeItem(at: fault)
          stage.broker.redeliver(message)
          guard case .complete? = await settlements.next() else {
            Issue.record("the corrected handler did not complete")
            return
          }
        }
        #expect(try await client.send(.get, "/v1/users/user123/notifications").list("notifications").count == 1)
        #expect(try await client.send(.get, "/v1/docs/search?q=guide").list("documents").count == 1)
      }
    }
  }

  @Test func failuresAreAskedForByEnvironmentAndTitle() async throws {
    try await Stage.set { stage in
      try await stage.worker(environment: ["BOOKSPACE_FAIL": "comment.added, document.created"]) { settlements in
        let comment = CommentAdded(commentId: "c", documentId: "d", title: "T", createdBy: "u", content: "C")
        try await stage.publish(comment)
        try await stage.publish(DocumentUpdated(documentId: "d", title: "So [fail]", updatedBy: "u", tags: []))
        for _ in 1...2 {
          guard case .retry? = await settlements.next() else {
            Issue.record("it did not fail")
            return
          }
        }
        try await stage.publish(UserRegistered(userId: "u", name: "Ada", email: "ada@example.org"))
        guard case .complete? = await settlements.next() else {
          Issue.record("it failed")
          return
        }
      }
    }
  }

  @Test func retriesComeAfterOneTwoAndFourSeconds() {
    #expect(Layout.retry.delays == [.seconds(1), .seconds(2), .seconds(4)])
  }

  @Test func theLayoutIsTheDocumentsOwn() throws {
    let topology = try Layout.topology()
    #expect(topology.exchanges.map(\.name) == ["bookspace.events", "bookspace.events.dlx"])
    #expect(topology.exchanges[0].kind == .fanout)
    #expect(topology.queues.map(\.name) == ["bookspace.notifications", "bookspace.events.dlq"])
    let broker = PocketBroker()
    let handlers = try EventHandlers(
      store: Store(file: FileManager.default.temporaryDirectory.appending(path: "layout-\(UUID()).db")),
      faults: Faults(directory: FileManager.default.temporaryDirectory, environment: [:]))
    #expect(try handlers.worker(on: broker, logger: .init(label: "test")).topology == topology)
  }
}
