internal import Foundation
internal import GRPCCore
internal import NIOCore
internal import NIOPosix

/// What a failure of the network is called, for a line that people read.
package enum FailureText {
  /// The system's own words where it is a system call that failed, else the error's.
  package static func describe(_ error: any Error) -> String {
    switch error {
    case let error as IOError:
      error.localizedReason
    case let error as NIOConnectionError:
      if let first = error.connectionErrors.first {
        describe(first.error)
      } else {
        "the name \"\(error.host)\" is not known"
      }
    case let error as RPCError:
      error.cause.map { "\(error.message) (\(describe($0)))" } ?? error.message
    default: "\(error)"
    }
  }
}

extension IOError {
  fileprivate var localizedReason: String { String(cString: strerror(errnoCode)) }
}
