import Foundation
import Spawning
import Testing

/// What the tests start other programs with.
@Suite struct SpawningTests {
  @Test func aProgramStartsWhileThousandsOfDescriptorsAreOpenAndInheritsNone() async throws {
    let open = (0..<1_500).compactMap { _ in FileHandle(forReadingAtPath: "/dev/null") }
    let run = try await ChildProcess.run("sh", ["-c", "echo /dev/fd/*"])
    #expect(open.count == 1_500)
    let inherited = run.lines.first?.split(separator: " ").count ?? 0
    // Its three ends, and the folder that it is looking at.
    #expect(inherited <= 4, "\(run.lines)")
  }

  @Test func aProgramReadsItsInputAndItsEndIsTold() async throws {
    let process = try ChildProcess(
      "sh", ["-c", "read name; echo hello $name; echo oh >&2; exit 3"], input: .text("Ada\n"), output: .pipe,
      errors: .pipe)
    #expect(await process.output?.line() == "hello Ada")
    #expect(await process.errors?.text() == "oh\n")
    #expect(await process.end() == .exited(3))
    #expect(!process.send(SIGKILL))
  }

  @Test func aProgramThatIsKilledOrMissingIsToldApart() async throws {
    let process = try ChildProcess("sleep", ["60"])
    #expect(process.send(SIGKILL))
    #expect(await process.end() == .signalled(SIGKILL))
    #expect(throws: SpawnError.self) { try ChildProcess("/no/such/program") }
  }
}
