internal import CSpawning
internal import Foundation

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Where a program reads from.
public enum ChildInput: Sendable {
  /// An end of input at once.
  case nothing
  /// A pipe with this text.
  case text(String)
  /// An open descriptor, such as a terminal.
  case descriptor(Int32)
}

/// Where a program writes to.
public enum ChildOutput: Sendable {
  /// Nowhere.
  case dropped
  /// Where we write, too.
  case inherited
  /// A pipe that we read. What the program starts in turn keeps it open.
  case pipe
  /// The end of a file, which is made if it is missing.
  case file(String)
  /// An open descriptor, such as a terminal.
  case descriptor(Int32)
}

/// The descriptors that a program gets as its own, while it is started.
struct ChildEnds {
  /// By the number that they have in the program.
  private var theirs: [(descriptor: Int32, number: Int32)] = []
  private var opened: [Int32] = []
  private var inputPipe: Int32?

  mutating func take(_ input: ChildInput) throws {
    switch input {
    case .nothing: theirs.append((try open("/dev/null", O_RDONLY), STDIN_FILENO))
    case .descriptor(let descriptor): theirs.append((descriptor, STDIN_FILENO))
    case .text:
      let ends = try pipe()
      opened.append(ends.reading)
      theirs.append((ends.reading, STDIN_FILENO))
      inputPipe = ends.writing
    }
  }

  mutating func take(_ output: ChildOutput, as number: Int32) throws -> PipeReader? {
    switch output {
    case .dropped: theirs.append((try open("/dev/null", O_WRONLY), number))
    case .inherited: theirs.append((number, number))
    case .file(let path): theirs.append((try open(path, O_WRONLY | O_CREAT | O_APPEND), number))
    case .descriptor(let descriptor): theirs.append((descriptor, number))
    case .pipe:
      let ends = try pipe()
      opened.append(ends.writing)
      theirs.append((ends.writing, number))
      return PipeReader(ends.reading)
    }
    return nil
  }

  /// Starts the program. Returns its number.
  func spawn(_ program: String, _ arguments: [String], _ environment: [String: String]?) throws -> pid_t {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    for end in theirs { posix_spawn_file_actions_adddup2(&actions, end.descriptor, end.number) }
    spawning_close_from(&actions, 3)
    var flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
    #if canImport(Darwin)
      flags |= POSIX_SPAWN_CLOEXEC_DEFAULT
    #endif
    // What a runtime of ours ignores or blocks is the program's own affair.
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(flags))

    let words = ([program] + arguments).map { strdup($0) } + [nil]
    let variables = (environment ?? ProcessInfo.processInfo.environment).map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var identifier: pid_t = 0
    let code = posix_spawnp(&identifier, program, &actions, &attributes, words, variables)
    guard code == 0 else { throw SpawnError(program: program, code: code) }
    return identifier
  }

  /// Writes the text that the program is to read, on a thread of its own.
  func write(_ input: ChildInput) {
    guard case .text(let text) = input, let inputPipe else { return }
    Thread.detachNewThread {
      // A program that ends without reading all of it is no fault of the test.
      var pipeSignal = sigset_t()
      sigemptyset(&pipeSignal)
      sigaddset(&pipeSignal, SIGPIPE)
      pthread_sigmask(SIG_BLOCK, &pipeSignal, nil)
      try? FileHandle(fileDescriptor: inputPipe).write(contentsOf: Data(text.utf8))
      close(inputPipe)
    }
  }

  /// Closes the ends that only the program needs.
  mutating func closeTheirs() {
    for descriptor in opened { close(descriptor) }
    opened = []
  }

  private mutating func open(_ path: String, _ flags: Int32) throws -> Int32 {
    #if canImport(Darwin)
      let descriptor = Darwin.open(path, flags | O_CLOEXEC, 0o600)
    #else
      let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
    #endif
    guard descriptor >= 0 else { throw SpawnError(program: path, code: errno) }
    opened.append(descriptor)
    return descriptor
  }

  private func pipe() throws -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [-1, -1]
    guard spawning_pipe(&ends) == 0 else { throw SpawnError(program: "a pipe", code: errno) }
    return (ends[0], ends[1])
  }
}
