import AgentState
import ArgumentParser
import ControlLink
import Foundation
import RecordLog
import SessionEngine
import Telemetry

/// Why the program ends, in one line for who started it, with the exit code that says the kind.
struct StartFailure: Error, CustomStringConvertible {
  /// After sysexits.h.
  enum Kind: Int32 {
    case unwell = 1
    case unavailable = 69
    case unexpected = 70
    case listening = 71
    case cannotWrite = 73
    case inUse = 75
    case refused = 77
    case configuration = 78
  }

  var kind: Kind
  /// What failed, and what to do about it.
  var message: String

  init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  init(_ error: any Error) {
    switch error {
    case let error as StartFailure: self = error
    case let error as AgentStateError: self.init(Self.kind(of: error.code), error.message)
    case let error as LinkError: self.init(Self.kind(of: error.code), error.message)
    case let error as RecordLogError: self.init(Self.kind(of: error.code), error.message)
    case let error as GatewayError: self.init(Self.kind(of: error.code), error.message)
    default: self.init(.unexpected, "the agent failed: \(error)")
    }
  }

  var description: String { Redaction.redacted(message.replacing("\n", with: " ")) }

  private static func kind(of code: AgentStateError.Code) -> Kind {
    switch code {
    case .folderNotWritable, .folderNotPrivate: .cannotWrite
    case .inUse: .inUse
    case .folderMissing, .notEnrolled, .alreadyEnrolled, .fromTheFuture: .configuration
    case .database: .unexpected
    }
  }

  private static func kind(of code: LinkError.Code) -> Kind {
    switch code {
    case .argument, .identity: .configuration
    case .unreachable, .answer: .unavailable
    case .untrusted, .refused, .removed: .refused
    }
  }

  private static func kind(of code: RecordLogError.Code) -> Kind {
    switch code {
    case .locked: .inUse
    case .unusable, .full: .cannotWrite
    default: .unexpected
    }
  }

  private static func kind(of code: GatewayError.Code) -> Kind {
    switch code {
    case .listen: .listening
    case .tlsIdentity: .configuration
    case .recordLog: .cannotWrite
    case .state: .unexpected
    }
  }
}

extension ParsableCommand {
  /// Runs `body`; a failure becomes one line on standard error and its exit code.
  func reporting(_ body: () async throws -> Void) async throws {
    do {
      try await body()
    } catch let error as ExitCode {
      throw error
    } catch let error as ValidationError {
      throw error
    } catch {
      let failure = StartFailure(error)
      FileHandle.standardError.write(Data("sallyport-agent: \(failure)\n".utf8))
      throw ExitCode(failure.kind.rawValue)
    }
  }
}
