#include "net/words.h"

#include <algorithm>

#include "net/compress/codec.h"
#include "net/record/reason.h"

namespace net {

std::string words_of_name(std::string_view name) {
  std::string text{name};
  std::ranges::replace(text, '_', ' ');
  return text;
}

std::string words_of(const kernel::Error& error) {
  if (error.room != kernel::Room::net) return kernel::brief(error);
  if (error.value >= static_cast<std::uint16_t>(compress::Reason::corrupt))
    return words_of_name(compress::name_of(error.as<compress::Reason>()));
  return words_of_name(record::name_of(error.as<record::Reason>()));
}

}  // namespace net
