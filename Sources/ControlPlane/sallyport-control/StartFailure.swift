import ArgumentParser
import ControlCore
import Foundation
import NIOCore
import Telemetry

/// Why the program ends, in one line for who started it, with the exit code that says the kind.
struct StartFailure: Error, CustomStringConvertible {
  enum Kind: Int32 {
    case databaseUnreachable = 69
    case unexpected = 70
    case listening = 71
    case login = 77
    case configuration = 78
  }

  var kind: Kind
  var message: String
  var remedy: String?

  init(_ kind: Kind, _ message: String, remedy: String? = nil) {
    self.kind = kind
    self.message = message
    self.remedy = remedy
  }

  init(_ error: ControlError) {
    let kind = Self.kind(of: error)
    let remedy =
      kind == .login
      ? "Check the user in the URL of --database and the password in --database-password-file or "
        + "PGPASSWORD." : error.remedy
    self.init(kind, error.message, remedy: remedy)
  }

  /// One line. What failed may quote a secret, against the rules; the remedy quotes nothing.
  var description: String {
    var line = Redaction.redacted(message.replacing("\n", with: " "))
    if let last = line.last, !".:!?".contains(last) { line += "." }
    return remedy.map { "\(line) \($0)" } ?? line
  }

  private static func kind(of error: ControlError) -> Kind {
    switch error.code {
    case .unavailable: LoginRefusal.isOne(error.message) ? .login : .databaseUnreachable
    case .unauthorized, .forbidden: .login
    case .invalid, .conflict, .notFound: .configuration
    case .internal: LoginRefusal.isOne(error.message) ? .login : .unexpected
    }
  }
}

/// Tells a refused login from a database that is not there: waiting helps only with the latter.
enum LoginRefusal {
  /// What PostgreSQL says of a login that it refuses (auth.c, miscinit.c and postinit.c of the
  /// server, fe-connect.c of libpq, which passes no SQLSTATE on).
  private static let phrases = [
    "authentication failed for user", "no password supplied", "no pg_hba.conf entry",
    "pg_hba.conf rejects", "is not permitted to log in", "permission denied for database",
  ]

  static func isOne(_ message: String) -> Bool {
    phrases.contains { message.contains($0) }
      // FATAL: role "x" does not exist · database "x" does not exist
      || message.contains("FATAL:") && message.contains("\" does not exist")
  }
}

extension ParsableCommand {
  /// Runs `body`; a failure becomes one line on standard error and its exit code.
  func reporting(_ body: () async throws -> Void) async throws {
    let failure: StartFailure
    do {
      return try await body()
    } catch let error as StartFailure {
      failure = error
    } catch let error as ControlError {
      failure = StartFailure(error)
    } catch let error as ValidationError {
      throw error
    } catch {
      failure = StartFailure(.unexpected, "The control plane failed: \(error)")
    }
    FileHandle.standardError.write(Data("sallyport-control: \(failure)\n".utf8))
    throw ExitCode(failure.kind.rawValue)
  }
}
