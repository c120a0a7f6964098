#include "gateway/api.h"
