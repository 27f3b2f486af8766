"""Schedules that once violated an invariant, as `lobby-bench simulate` printed them. They hold now, and are to."""

# ruff: noqa: E501
from __future__ import annotations

SCHEDULES: tuple[str, ...] = (
    "0: 10.252 wipe 0 20 152, 10.785 away 13 207 234",
    "130: 8.359 wipe 2 744 628, 9.641 drain 2 639 248, 16.853 kick 5 828 832",
    "1: 8 drop 10 849 736, 8.117 away 17 842 385, 8.232 freeze 1 769 510, 8.821 sign_out 19 472 388, 16.98 kick 7 501 818",
    "44: 11.249 ask_friend 15 326 589, 11.494 create_room 17 163 301, 11.988 ask_friend 6 999 761, 12.263 wipe 0 207 916, 12.862 cut_off 1 557 283, 15.12 rewind 2 322 379, 15.449 join 6 938 329, 15.771 accept_friend 6 511 462, 16.452 kick 9 486 32",
    "257: 11.008 create_room 5 450 409, 11.686 rewind 1 493 345, 11.904 join 9 673 715, 12.191 store_slow 2 507 580, 12.656 create_room 3 434 890, 13.412 store_away 1 766 21, 16.95 away 18 720 347",
    "10: 6.27 create_room 16 889 762, 6.686 create_room 13 241 759, 9.266 kill_candidate 1 302 376, 12.15 join 19 155 410, 12.25 join 16 704 482, 15.771 store_before 0 784 25, 15.867 kick_who_returns 19 414 822",
    "7: 10 store_slow 0 999 99, 10.1 say_lobby 3 0 0, 10.3 drain 0 0 0, 10.35 drain 1 0 0, 10.4 drain 2 0 0",
    "344: 5.766 kill_candidate 1 370 10, 8.267 kill 1 325 53, 8.391 restart 1 901 209, 10.662 lose_answers 0 939 235, 14.331 wipe 1 339 819, 15.143 create_party 8 984 154",
    "392: 7.289 create_room 13 373 885, 7.597 join 18 442 104, 8.269 create_room 7 426 605, 8.592 join 14 583 371, 8.643 rolling 0 87 354, 9.089 kill_candidate 0 14 571, 9.23 kill 1 694 296, 12.448 drain 2 554 965, 15.657 fork 0 324 866",
    "1456: 6.874 create_room 17 966 815, 7.268 join 15 800 236, 9.047 lose_answers 2 316 995, 9.466 reset 17 617 962, 9.802 sign_out 9 705 868, 10.984 create_room 6 351 756, 11.416 store_before 0 834 47, 11.654 cut_off 1 147 835, 12.395 delete_room 15 27 45, 13.528 decline_friend 17 86 326",
    "668: 3.982 away 7 440 976, 4.116 create_room 15 445 587, 4.513 create_room 14 415 498, 5.502 join 1 198 757, 5.606 join 0 181 169, 5.948 create_room 3 49 73, 6.161 join 13 161 32, 6.447 away 3 612 158, 6.791 create_room 13 252 27, 6.932 away 12 989 994, 7.291 kill 1 462 889, 7.414 join 7 58 956, 8.084 away 13 357 606, 8.907 leave 14 790 741, 9.097 kick 1 936 525, 10.833 leave 18 516 353, 11.767 change_room 19 922 66, 12.413 create_room 5 385 382, 12.484 join 12 639 82, 13.927 sign_out 12 348 857, 14.046 hang 0 221 209, 14.964 sign_out 10 18 687, 15.507 rewind 2 200 559, 15.742 cut_off 0 932 822, 15.819 change_room 5 321 130, 15.865 say_room 0 434 895",
    "344: 3.5 create_room 5 450 409, 3.6 create_room 13 241 759, 3.7 create_room 8 100 100, 5 cut_off 0 1000 0, 5.1 kill 1 0 0, 5.1 kill 2 0 0, 5.1 wipe 1 0 0, 10 create_room 3 434 890, 12.8 wipe 1 50 0, 16.9 away 18 720 347",
    "344: 3.5 create_room 5 450 409, 3.6 create_room 13 241 759, 3.7 create_room 8 100 100, 5 cut_off 0 1000 0, 5.1 kill 1 0 0, 5.1 kill 2 0 0, 5.1 wipe 1 0 0, 10 create_room 3 434 890, 12.7 cut_off 1 450 0, 12.7 cut_off 2 450 0, 12.8 wipe 1 50 0, 16.9 away 18 720 347",
    "344: 5 cut_off 0 1000 0, 5.1 kill 1 0 0, 5.1 kill 2 0 0, 5.1 wipe 1 0 0, 12.7 kill 1 0 0, 12.7 kill 2 0 0, 12.8 wipe 1 50 0",
    "2856: 3.732 quarrel 17 614 984, 4.241 create_room 11 585 966, 4.424 create_room 17 98 92, 4.802 away 17 618 927, 4.811 drain 2 74 151",
    "36: 4.64 create_room 10 992 835, 4.704 join 7 489 298, 10.24 hide 12 762 718, 10.516 create_room 12 809 729, 11.076 create_room 9 518 134, 11.401 ban_user 12 349 398, 11.632 create_room 13 459 653, 13.166 kick_and_forgive 17 66 278, 13.882 lose_answers 1 718 611, 13.988 close_room 14 233 492, 14.097 freeze 1 485 313, 15.787 join 15 501 556, 16.821 join 7 988 166",
    "2895: 8.308 create_room 14 118 753, 8.392 fork 2 607 836, 11.485 delete_room 14 138 407, 15.199 blackout 1 962 787",
    "3408: 3.075 create_room 16 34 314, 3.784 join 3 54 157, 3.8 join 13 249 754, 3.937 create_room 13 183 11, 4.025 say_lobby 3 815 139, 4.821 ask_friend 17 225 273, 5.931 join 5 124 239, 6.153 leave_as_guest_joins 15 348 773, 6.975 create_room 10 330 427, 9.646 change_room 5 873 897, 12.609 late 2 323 530, 13.065 invite_to_room 5 120 926, 13.702 kick_who_returns 3 954 77, 13.894 hide 3 638 77",
    "3682: 3.358 create_room 7 880 989, 4.458 hang 2 789 224, 4.486 choose_audience 18 893 866, 4.537 create_room 16 907 849, 9.803 join 1 857 368, 9.868 join 9 822 326, 9.929 join 19 900 878, 10.087 ban_user 0 451 541, 10.575 ask_friend 19 910 39, 10.647 rolling 2 498 536, 12.262 lose_answers 0 556 758, 13.076 freeze 0 993 744, 16.937 kick_from_party 8 497 785",
    "8: 7.16 log_in_briefly 11 693 96, 7.193 hang 1 749 776, 7.882 say_room 17 803 464",
    "7: 3.746 befriend 7 219 865, 3.857 log_in_briefly 1 381 586, 4.772 log_in_briefly 7 290 946, 8.134 freeze 0 591 428, 16.9 sign_out 5 264 800",
    "1095: 6.524 create_room 11 382 955, 8.098 log_in_briefly 7 362 96, 8.628 fork 2 170 385, 10.729 befriend 7 53 450, 10.746 drain 2 474 235, 13.673 join 7 791 294, 15.196 blackout 0 461 812",
    "5710: 13.428 log_in_briefly 5 159 716, 15.798 half_open 5 363 713",
    "1797: 3.307 log_in_briefly 9 230 216, 3.391 sign_out 13 732 493, 3.479 ask_friend 3 479 876, 3.908 log_in_briefly 5 291 76, 4.652 befriend 1 530 641, 4.679 create_room 5 363 759, 4.865 log_in_briefly 8 992 91, 5.032 close_room 5 13 476, 5.988 hide 19 47 571, 6.509 create_room 18 452 19, 6.593 create_room 14 654 278, 6.89 create_room 9 86 964, 6.966 delete_room 0 764 167, 7.067 leave_as_guest_joins 13 422 25, 7.711 knock 15 782 881, 7.861 set_clock 2 93 589, 7.92 store_slow 1 712 979, 8.047 befriend 19 336 708, 8.188 kill 2 749 267, 8.438 remove_friend 19 779 238, 8.677 hide 12 830 354, 8.966 create_room 8 91 698, 9.948 join 8 219 79, 9.961 log_in_briefly 9 701 11, 10.475 kick_and_forgive 3 264 479, 10.655 choose_audience 2 513 76, 11.628 ban_user 9 929 59, 11.977 drain 0 801 999, 12.044 ask_friend 2 586 130, 12.596 reopen_room 9 292 323, 13.14 join 2 849 184, 13.849 join 16 304 80, 15.934 create_room 12 345 704",
)
