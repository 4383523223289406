import Testing

@testable import Warren

@Suite("Bindings that no worker asks for") struct UnaskedBindingsTests {
  private let kept = Binding("mail", to: "books", key: "book.*")
  private let left = Binding("mail", to: "books", key: "loan.*")

  @Test("what is left from before is found, with its fix") func found() throws {
    let declared = try Topology(exchanges: ["books"], queues: ["mail"], bindings: [kept, left])
    let findings = UnaskedBindings.findings(in: declared, asked: ["mail": [kept]])
    #expect(findings.map(\.severity) == [.warning] && findings[0].queue == "mail")
    #expect(findings[0].text.contains("'loan.*'") && findings[0].fix?.action == .pruneTopology)
    #expect(UnaskedBindings.findings(in: declared, asked: ["mail": [kept, left]]).isEmpty)
  }

  @Test("of a queue whose workers have not told nothing is known") func unknown() throws {
    let declared = try Topology(exchanges: ["books"], queues: ["mail", "audit"], bindings: [kept, left])
    #expect(UnaskedBindings.findings(in: declared, asked: ["audit": []]).isEmpty)
  }

  @Test("what brings dead letters is asked for by the queue that gives up") func deadLetters() throws {
    let declared = try Topology(queues: [Queue("mail", deadLetter: .exchange("dlx", key: "mail.dead", queue: "parked"))]
    )
    #expect(UnaskedBindings.findings(in: declared, asked: ["parked": []]).isEmpty)
  }
}
