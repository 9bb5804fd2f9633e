// What administrators ask: which groups there are, what they look like, and their end.
#include "broker/coordinators/group/group_coordinator.h"

namespace broker::coordinators::group {

using kernel::Fiber;
using kernel::Result;

DescribedGroup GroupCoordinator::describe(std::string_view group_id) const {
  if (const ErrorCode code = readiness(); code != ErrorCode::none) return {.error = code};
  const Group* group = find(group_id);
  if (group == nullptr) return {.error = ErrorCode::group_id_not_found, .state = std::string{name_of(Phase::dead)}};
  return group->describe();
}

GroupCoordinator::ListReply GroupCoordinator::list() const {
  if (const ErrorCode code = readiness(); code != ErrorCode::none)
    return {.error = code == ErrorCode::not_coordinator ? ErrorCode::none : code};
  ListReply reply;
  for (const auto& [id, live] : groups_)
    reply.groups.push_back({id, live.group.protocol_type().value_or(""), name_of(live.group.phase())});
  return reply;
}

ErrorCode GroupCoordinator::check_deletion(std::string_view group_id) const {
  const Group* group = find(group_id);
  if (group == nullptr || group->phase() == Phase::dead) return ErrorCode::group_id_not_found;
  return group->phase() == Phase::empty ? ErrorCode::none : ErrorCode::non_empty_group;
}

ErrorCode GroupCoordinator::delete_group(Fiber& f, std::string_view group_id) {
  if (const ErrorCode code = readiness(); code != ErrorCode::none) return code;
  if (const ErrorCode code = check_deletion(group_id); code != ErrorCode::none) return code;
  const auto told = std::make_shared<Outcome>();
  const auto refused = std::make_shared<ErrorCode>(ErrorCode::none);
  write_decided(
      moment_of(f),
      [this, refused, id = std::string{group_id}](const Moment& then) {
        std::vector<NewRecord> records;
        *refused = check_deletion(id);  // it may have been joined meanwhile
        if (*refused != ErrorCode::none) return records;
        entomb(id, then, records);
        find(id)->set_dead(true);
        return records;
      },
      [this, refused, told, id = std::string{group_id}](const Moment&, const Result<>& outcome) {
        if (*refused != ErrorCode::none) return told->set(*refused);
        told->set(code_of_write(outcome));
        Group* group = find(id);
        if (group == nullptr) return;
        group->set_dead(false);
        if (!outcome) return;
        forget(id);
      });
  return wait_for(f, told);
}

}  // namespace broker::coordinators::group
