import Testing

@testable import Warren

@Suite("A watched value") struct WatchedTests {
  @Test("A task goes on when its condition holds, and not before") func waits() async {
    let watched = Watched(0)
    await withTaskGroup(of: Int.self) { group in
      for target in 1...3 {
        group.addTask {
          await watched.wait { $0 >= target }
          return watched.value
        }
      }
      for number in 1...3 {
        watched.withValue { $0 = number }
        let seen = await group.next()
        #expect((seen ?? 0) >= number)
      }
    }
  }

  @Test("A condition that holds is not waited for") func holds() async { await Watched(5).wait { $0 == 5 } }

  @Test("A cancelled task goes on") func cancelled() async {
    let watched = Watched(false)
    let task = Task { await watched.wait { $0 } }
    task.cancel()
    await task.value
    #expect(watched.value == false)
  }
}
