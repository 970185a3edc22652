import GatewayModel
import RecordLog
import TestSupport

enum RecordLogRig {
  static func open(_ folder: ScratchFolder, agent: AgentID) throws -> RecordLogDirectory {
    try RecordLogDirectory(
      configuration: RecordLogConfiguration(folder: folder.file("log")), agent: agent,
      now: GatewayRig.now())
  }
}
